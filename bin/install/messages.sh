# shellcheck shell=sh
# The messages of an installation, and act, which runs every command that changes something.

changed=0 planned='' remedy=''

line() {
    printf '%-14s %s\n' "$1" "$2"
}

# Prints that a step is done; with --dry-run, that it would be done and by which commands.
finished() {
    if [ "$dry_run" = yes ]; then
        line would "$1"
        printf '%s' "$planned"
        planned=
    else
        line 'done' "$1"
    fi
}

# Prints what begins, before a step that takes long.
begins() {
    [ "$dry_run" = yes ] || line '...' "$1"
}

already() {
    line 'already there' "$1"
}

stop() {
    printf 'install-system: %s\n  → %s\n' "$1" "$2" >&2
    if [ "$changed" = 1 ]; then
        printf '  finished steps are kept; run it again to continue\n' >&2
        exit 5
    fi
    exit "${3:-3}"
}

interrupted() {
    stop "interrupted" "run it again" 130
}

# Keeps a command for the line of its step, quoted for a shell.
plan() {
    shown=
    for word in "$@"; do
        case "$word" in
            '' | *[!A-Za-z0-9_./:=@%+,-]*) word="'$(printf '%s' "$word" | sed "s/'/'\\\\''/g")'" ;;
        esac
        shown="$shown $word"
    done
    planned="$planned                 \$$shown
"
}

# Runs a command that changes something; with --dry-run keeps it to be printed. On failure, prints its last line.
act() {
    if [ "$dry_run" = yes ]; then
        plan "$@"
        return
    fi
    # A command that fails or is interrupted may have done a part of its work.
    changed=1
    said=$("$@" 2>&1) ||
        stop "$1 failed: $(printf '%s\n' "$said" | sed '/^[[:space:]]*$/d' | tail -n 1)" "${remedy:-fix the cause}"
}
