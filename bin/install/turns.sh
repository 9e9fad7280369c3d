# shellcheck shell=sh
# One installation at a time.

# Whoever begins first says so, by a mark with the number of its process, and only then looks at the marks of others: so
# of two that begin at once one at most goes on. The mark of one that was killed is known by its process, which is gone.
take_turn() {
    if [ "$mine" = no ] || [ "$dry_run" = yes ]; then
        return
    fi
    trap 'rm -f "$turn.$$"' EXIT
    touch "$turn.$$" || stop "$turn.$$ cannot be written" "see to the place"
    for mark in "$turn".*; do
        other=${mark##*.}
        [ "$other" != $$ ] || continue
        ! kill -0 "$other" 2>/dev/null ||
            stop "another install-system.sh is at work, process $other" "wait for its end; if it is something else: rm $mark"
        rm -f "$mark"
    done
}
