#!/bin/sh
# Checks what a migration needs, a line each, runs `teleclaude migrate-to-system` with the same arguments, and says
# where its report lies. The exit code is the migration's.
set -u

say() {
    printf '%s\n' "$*" >&2
}

# What is in order is not worth a line where only what needs attention is wanted.
line() {
    case "$quiet$1" in
        yesok) return ;;
    esac
    printf '%-8s %s\n' "$1" "$2" >&2
}

refuse() {
    line missing "$1"
    line '' "→ $2"
    exit 3
}

check_platform() {
    case "$(uname -s)" in
        Linux | Darwin) line ok "platform: $(uname -s) $(uname -m)" ;;
        *) refuse "platform: $(uname -s) is not supported" "use Linux or macOS" ;;
    esac
}

# Leaves the command in $teleclaude: the one that everybody may run, but for a trial; that of the checkout this script is
# in; the one on PATH.
check_program() {
    installed=/usr/local/bin/teleclaude
    case " $* " in
        *" --root"*) installed='' ;;
    esac
    here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
    for candidate in "${TELECLAUDE:-}" "$installed" "$here/.venv/bin/teleclaude" "$(command -v teleclaude 2>/dev/null)"; do
        if [ -n "$candidate" ] && version=$("$candidate" --version 2>/dev/null); then
            teleclaude=$candidate
            line ok "program: $version ($candidate)"
            return
        fi
    done
    refuse "program: no teleclaude that runs" "sudo bin/install-system.sh installs it; for a trial: ./run exec teleclaude --version"
}

# Remembers what of the arguments matters here; the program itself checks them all.
read_arguments() {
    root='' report_dir='' previous=''
    for argument in "$@"; do
        case "$previous" in
            --root) root=$argument ;;
            --report-dir) report_dir=$argument ;;
        esac
        case "$argument" in
            --root=*) root=${argument#--root=} ;;
            --report-dir=*) report_dir=${argument#--report-dir=} ;;
            -h | --help) exec "$teleclaude" migrate-to-system --help ;;
        esac
        previous=$argument
    done
}

check_privileges() {
    if [ -n "$root" ]; then
        line ok "privileges: a trial below $root needs none"
    elif [ "$(id -u)" = 0 ]; then
        line ok "privileges: root"
    else
        refuse "privileges: the system's places belong to root" "run it with sudo, or try it with --root DIR"
    fi
}

check_places() {
    if [ "$(uname -s)" = Darwin ]; then
        var="$root/usr/local/var"
    else
        var="$root/var"
    fi
    reports=${report_dir:-$var/lib/teleclaude/migration}
    existing=$var
    while [ ! -e "$existing" ]; do
        existing=$(dirname "$existing")
    done
    if [ -d "$existing" ] && [ -w "$existing" ]; then
        line ok "places: below $existing"
    else
        refuse "places: $existing cannot be written to" "check its owner and its mode"
    fi
}

# shellcheck disable=SC2329 # the traps below call it
forward() {
    [ -z "${child:-}" ] || kill -s "$1" "$child" 2>/dev/null
}

# Runs the migration as a child, so that a signal to this script reaches it, and waits until it has really ended.
migrate() {
    "$teleclaude" migrate-to-system "$@" <&3 3<&- &
    child=$!
    while :; do
        wait "$child"
        code=$?
        kill -0 "$child" 2>/dev/null || break
    done
}

summarize() {
    case "$code" in
        0) [ -n "$quiet" ] || say "done; the report is in the newest folder of $reports" ;;
        1) say "a bug: please report it" ;;
        2) say "the command line is wrong" ;;
        3) say "refused; nothing was written: fix the cause" ;;
        4) say "failed and taken back; the target is empty again; the journal is in the newest folder of $reports" ;;
        5) say "failed and not taken back: run the printed commands; the journal is in $reports" ;;
        130) say "interrupted and taken back" ;;
    esac
}

case " $* " in
    *" --quiet "*) quiet=yes ;;
    *) quiet='' ;;
esac
check_platform
check_program "$@"
read_arguments "$@"
check_privileges
check_places
trap 'forward INT' INT
trap 'forward TERM' TERM
trap 'forward HUP' HUP
# In a subshell, because a failing redirection of a special builtin ends the shell.
(: 3<&0) 2>/dev/null || exec </dev/null
exec 3<&0
migrate "$@"
summarize
exit "$code"
