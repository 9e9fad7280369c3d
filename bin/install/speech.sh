# shellcheck shell=sh
# What an installation says, and the one way in which it changes anything.

changed=0 planned='' remedy=''

line() {
    printf '%-14s %s\n' "$1" "$2"
}

# Says that a step is done, or that it would be and with which commands.
finished() {
    if [ "$dry_run" = yes ]; then
        line would "$1"
        printf '%s' "$planned"
        planned=
    else
        line 'done' "$1"
    fi
}

already() {
    line 'already there' "$1"
}

stop() {
    printf 'install-system: %s\n  → %s\n' "$1" "$2" >&2
    if [ "$changed" = 1 ]; then
        printf '  what was done stays; run it again to go on\n' >&2
        exit 5
    fi
    exit "${3:-3}"
}

interrupted() {
    stop "interrupted" "run it again" 130
}

# Keeps a command for the line of its step, in words that a shell would take.
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

# Runs a command that changes something, or shows it. Where it fails, its last words become part of the sentence.
act() {
    if [ "$dry_run" = yes ]; then
        plan "$@"
        return
    fi
    # A command that fails or is interrupted may have done a part, which is only told by running it again.
    changed=1
    said=$("$@" 2>&1) ||
        stop "$1 failed: $(printf '%s\n' "$said" | sed '/^[[:space:]]*$/d' | tail -n 1)" "${remedy:-fix the cause}"
}
