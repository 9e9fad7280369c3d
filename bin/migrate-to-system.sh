#!/bin/sh
# Checks the requirements of a migration, a line each, runs `teleclaude migrate-to-system` with the same arguments, and
# prints where its report is. The exit code is that of the migration.
set -u

# Root runs no program from the PATH of whoever became root.
caller_path=$PATH
PATH=/run/current-system/sw/bin:/usr/sbin:/usr/bin:/sbin:/bin
[ "$(id -u)" = 0 ] || PATH=$caller_path

say() {
    printf '%s\n' "$*" >&2
}

# --quiet omits the lines of what is in order.
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

# Sets $teleclaude to the first of these that runs: the installed one, unless --root is used; that of the checkout or
# environment of this script; that on PATH.
check_program() {
    installed=/usr/local/bin/teleclaude
    case " $* " in
        *" --root"*) installed='' ;;
    esac
    here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
    case "$here" in
        */share/teleclaude) ours=${here%/share/teleclaude}/bin/teleclaude ;;
        *) ours=$here/.venv/bin/teleclaude ;;
    esac
    for candidate in "${TELECLAUDE:-}" "$installed" "$ours" "$(command -v teleclaude 2>/dev/null)"; do
        if [ -n "$candidate" ] && version=$("$candidate" --version 2>/dev/null); then
            teleclaude=$candidate
            line ok "program: $version ($candidate)"
            return
        fi
    done
    refuse "program: no teleclaude runs here" "run sudo bin/install-system.sh; for a trial: ./run exec teleclaude --version"
}

# Reads the arguments that this script needs; the program itself checks all of them.
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
        refuse "privileges: only root can migrate to the whole system" "run it with sudo, or try it with --root DIR"
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

# Runs the migration as a child, so that signals can be forwarded to it, and waits until it has ended.
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
        1) say "failed because of a bug: report it" ;;
        2) say "the command line is wrong" ;;
        3) say "refused, nothing was written: fix the cause" ;;
        4) say "failed and undone, the target is empty again; the journal is in the newest folder of $reports" ;;
        5) say "failed and not undone: run the printed commands; the journal is in the newest folder of $reports" ;;
        130) say "interrupted and undone" ;;
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
# The test is in a subshell, because a redirection of a special builtin that fails ends the shell.
(: 3<&0) 2>/dev/null || exec </dev/null
exec 3<&0
migrate "$@"
summarize
exit "$code"
