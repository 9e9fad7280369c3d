# shellcheck shell=sh
# One installation at a time.

# Each run first makes a mark with its process id and then reads the marks of others. So of two that start at once at
# most one continues. The mark of a run that was killed names a process that no longer exists.
take_lock() {
    if [ "$real" = no ] || [ "$dry_run" = yes ]; then
        return
    fi
    trap 'rm -f "$lock_file.$$"' EXIT
    touch "$lock_file.$$" || stop "$lock_file.$$ cannot be written" "check the directory and the disk"
    for mark in "$lock_file".*; do
        other=${mark##*.}
        [ "$other" != $$ ] || continue
        ! kill -0 "$other" 2>/dev/null ||
            stop "another install-system.sh runs, process $other" "wait until it ends; if that process is another program: rm $mark"
        rm -f "$mark"
    done
}
