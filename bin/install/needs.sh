# shellcheck shell=sh
# What an installation needs. Everything is asked before anything is done.

check_system() {
    [ -n "$root" ] || [ "$(id -u)" = 0 ] ||
        stop "the system's places belong to root" "run it with sudo, or try it with --root DIR"
    if [ "$platform" = Linux ] && [ -z "$root" ] && ! command -v systemctl >/dev/null 2>&1; then
        stop "there is no systemd here" "use docker-compose.system.yml, or try it with --root DIR"
    fi
}

check() {
    check_account
    check_python
    check_code
    check_service
    check_database
}

# The way to switch a service off for good, systemctl mask, is a link to nowhere.
check_service() {
    [ ! -L "$unit_file" ] || stop "$unit_file is a link, and so is not of this script" "systemctl unmask $unit, or move it away"
}

check_account() {
    if [ "$mine" = no ] || ! account_exists; then
        return
    fi
    case "$(account_shell)" in
        */nologin | */false) ;;
        *) stop "the account $account is one that somebody logs in to" "rename it; the daemon needs one of its own" ;;
    esac
}

# Leaves in $python the first that is new enough, can make environments, may be run by somebody else than root, and be
# changed by nobody else.
check_python() {
    for candidate in "${TELECLAUDE_PYTHON:-}" /usr/bin/python3 python3 python3.14 python3.13 python3.12 python3.11; do
        python=$(command -v "${candidate:-/nonexistent}") || continue
        [ "$mine" = no ] || is_roots_alone "$python" || continue
        "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || continue
        [ "$mine" = no ] || as nobody "$python" -c '' >/dev/null 2>&1 || continue
        return
    done
    stop "there is no Python 3.11 or newer with venv that every account may run and only root can change" \
        "install one (on Debian: apt install python3-venv), or name it in TELECLAUDE_PYTHON"
}

# PATH: whether nobody but root can change it, a folder on the way, or what a link leads to. Homebrew's places belong to
# whoever installed it, so on macOS the way is not asked about.
is_roots_alone() {
    at=$1
    while [ "$(find "$at" -prune -user 0 \( -type l -o ! -perm -020 ! -perm -002 \) 2>/dev/null)" ]; do
        [ ! -L "$at" ] || (is_roots_alone "$(behind "$at")") || return 1
        case "$platform:$at" in Darwin:* | *:/ | *:.) return 0 ;; esac
        at=$(dirname "$at")
    done
    return 1
}

# LINK: prints where it leads to.
behind() {
    case "$(link_of "$1")" in
        /*) link_of "$1" ;;
        *) printf '%s/%s\n' "$(cd "$(dirname "$1")" && pwd -P)" "$(link_of "$1")" ;;
    esac
}

# Leaves in $source what pip is to install, and in $release the name of what comes of it: its version and a checksum.
check_code() {
    lock=$here/requirements-system.lock
    [ -f "$lock" ] || stop "$lock is missing" "run the script where it lies, in a checkout or an installed program"
    source=
    [ -z "$wheels" ] || [ -d "$wheels" ] || stop "$wheels is no directory" "name the directory of the wheels"
    if [ -n "$wheels" ]; then
        for wheel in "$wheels"/teleclaude-*.whl; do
            [ -f "$wheel" ] || continue
            [ -z "$source" ] || stop "there is more than one wheel of teleclaude in $wheels" "leave one there"
            source=$wheel
        done
    fi
    if [ -n "$source" ]; then
        release=$(basename "$source" | cut -d - -f 2)-$(cat "$source" "$lock" | cksum | cut -d ' ' -f 1)
    elif [ -f "$here/pyproject.toml" ]; then
        source=$here
        version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' "$here/teleclaude/__init__.py")
        release=$version-$(checksum_of_checkout)
    else
        stop "there is neither a checkout around this script nor a wheel of teleclaude" "use --wheels DIR"
    fi
    for link in "$command" "$manual"; do
        if [ -e "$link" ] || [ -L "$link" ]; then
            is_our_link "$link" || stop "$link is there and is not of this script" "move it away"
        fi
    done
    check_programs
}

checksum_of_checkout() {
    (cd "$here" && find teleclaude bin etc pyproject.toml requirements-system.lock -type f ! -name '*.pyc' \
        -exec cksum {} + | LC_ALL=C sort | cksum | cut -d ' ' -f 1)
}

is_our_link() {
    [ -L "$1" ] && case "$(link_of "$1")" in */opt/teleclaude/*) true ;; *) false ;; esac
}

# readlink(1) is not everywhere, and neither is stat(1) below.
link_of() {
    # shellcheck disable=SC2012
    ls -l "$1" | sed 's/^.* -> //'
}

check_database() {
    if [ "$mine" = no ] || [ "$with_database" = no ]; then
        return
    fi
    command -v psql >/dev/null 2>&1 ||
        stop "there is no PostgreSQL here" "install one (on Debian: apt install postgresql), or use --no-database"
    facts=$(ask_server "SELECT current_setting('server_version_num')::int / 10000, current_setting('port'),
        split_part(current_setting('unix_socket_directories'), ',', 1)" 2>&1) ||
        stop "PostgreSQL does not answer: $(printf '%s\n' "$facts" | head -n 1)" "start it, or use --no-database"
    # Whatever the server warns of, such as a collation that has changed, comes first.
    IFS='|' read -r major port socket <<TEXT
$(printf '%s\n' "$facts" | tail -n 1)
TEXT
    [ "$major" -ge 15 ] || stop "the server is PostgreSQL $major" "use 15 or newer, or use --no-database"
    owner=$(ask_server "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = '$database'")
    [ -z "$owner" ] || [ "$owner" = "$role" ] ||
        stop "there is a database $database, and it belongs to $owner" "rename it, or use --no-database"
}
