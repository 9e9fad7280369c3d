# shellcheck shell=sh
# The requirements of an installation. All of them are checked before the first change.

check_system() {
    [ -n "$root" ] || [ "$(id -u)" = 0 ] ||
        stop "only root can install for the whole system" "run it with sudo, or try it with --root DIR"
    if [ "$platform" = Linux ] && [ -z "$root" ] && ! command -v systemctl >/dev/null 2>&1; then
        stop "this computer has no systemd" "use docker-compose.system.yml, or try it with --root DIR"
    fi
}

check() {
    check_account
    check_python
    check_code
    check_service
    check_database
}

# systemctl mask, which disables a service for good, puts a link to /dev/null there.
check_service() {
    [ ! -L "$unit_file" ] || stop "$unit_file is a link, which this script did not make" "run systemctl unmask $unit, or move it away"
    [ "$with_network" = no ] || return 0
    [ "$platform" = Linux ] || stop "launchd cannot take the network from a service" "omit --no-network"
    database_is_on_socket || stop "$configuration/config.yml names no database on a local socket" \
        "omit --no-network, or change database.url first, as docs/install.md says under The database"
}

# Whether the daemon reaches its database by a local socket; a first configuration says so.
database_is_on_socket() {
    if [ -e "$configuration/config.yml" ]; then
        grep -Eq '^ *url: *["'\'']?postgres[^ #]*(//([^/]*@)?%2[Ff]|[?&]host=(/|%2[Ff]))' "$configuration/config.yml"
    else
        [ "$fresh" = yes ]
    fi
}

check_account() {
    if [ "$real" = no ] || ! account_exists; then
        return
    fi
    case "$(account_shell)" in
        */nologin | */false) ;;
        *) stop "the account $account has a login shell" "rename that account; the daemon needs one of its own" ;;
    esac
}

# Sets $python to the first Python that is new enough and can make environments, that every account can run, that only
# root can change, and that lies where the service may run programs (ExecPaths of the unit).
check_python() {
    print_place='import os, sys; print(os.path.realpath(sys.executable))'
    for candidate in "${TELECLAUDE_PYTHON:-}" /usr/bin/python3 python3 python3.14 python3.13 python3.12 python3.11; do
        python=$(command -v "${candidate:-/nonexistent}") || continue
        [ "$real" = no ] || only_root_changes "$python" || continue
        "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || continue
        [ "$real" = no ] || as nobody "$python" -c '' >/dev/null 2>&1 || continue
        [ "$real$platform" != yesLinux ] || case "$("$python" -I -c "$print_place")" in /usr/* | /opt/*) ;; *) continue ;; esac
        return
    done
    stop "there is no Python 3.11 or newer with venv that every account can run and only root can change" \
        "install one below /usr or /opt (on Debian: apt install python3-venv), or name it in TELECLAUDE_PYTHON"
}

# PATH: whether only root can change the file, the folders above it, and the target of a link. On macOS the folders are
# not checked, because Homebrew's belong to the user who installed it.
only_root_changes() {
    at=$1
    while [ "$(find "$at" -prune -user 0 \( -type l -o ! -perm -020 ! -perm -002 \) 2>/dev/null)" ]; do
        [ ! -L "$at" ] || (only_root_changes "$(target_of "$at")") || return 1
        case "$platform:$at" in Darwin:* | *:/ | *:.) return 0 ;; esac
        at=$(dirname "$at")
    done
    return 1
}

# LINK: prints the path of its target.
target_of() {
    case "$(link_of "$1")" in
        /*) link_of "$1" ;;
        *) printf '%s/%s\n' "$(cd "$(dirname "$1")" && pwd -P)" "$(link_of "$1")" ;;
    esac
}

# Sets $source to the code that pip has to install, and $release to the name of the release: version and checksum.
check_code() {
    lock=$here/requirements-system.lock
    [ -f "$lock" ] || stop "$lock is missing" "run this script in a checkout or in an installed program"
    source=
    [ -z "$wheels" ] || [ -d "$wheels" ] || stop "$wheels is no directory" "use --wheels with the directory of the wheels"
    if [ -n "$wheels" ]; then
        for wheel in "$wheels"/teleclaude-*.whl; do
            [ -f "$wheel" ] || continue
            [ -z "$source" ] || stop "there is more than one wheel of teleclaude in $wheels" "remove all but one"
            source=$wheel
        done
    fi
    if [ -n "$source" ]; then
        release=$(basename "$source" | cut -d - -f 2)-$(cat "$source" "$lock" | cksum | cut -d ' ' -f 1)
    elif [ -f "$here/pyproject.toml" ]; then
        [ -f "$here/requirements-build.lock" ] || stop "$here/requirements-build.lock is missing" "use a whole checkout"
        source=$here
        version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' "$here/teleclaude/__init__.py")
        release=$version-$(checksum_of_checkout)
    else
        stop "this script is in no checkout, and there is no wheel of teleclaude" "use --wheels DIR"
    fi
    for link in "$command" "$manual"; do
        if [ -e "$link" ] || [ -L "$link" ]; then
            is_our_link "$link" || stop "$link exists, and this script did not make it" "move it away"
        fi
    done
    check_programs
}

checksum_of_checkout() {
    (cd "$here" && find teleclaude bin etc pyproject.toml requirements-system.lock requirements-build.lock -type f ! -name '*.pyc' \
        -exec cksum {} + | LC_ALL=C sort | cksum | cut -d ' ' -f 1)
}

is_our_link() {
    [ -L "$1" ] && case "$(link_of "$1")" in */opt/teleclaude/*) true ;; *) false ;; esac
}

# Not every system has readlink(1).
link_of() {
    # shellcheck disable=SC2012
    ls -l "$1" | sed 's/^.* -> //'
}

check_database() {
    if [ "$real" = no ] || [ "$with_database" = no ]; then
        return
    fi
    command -v psql >/dev/null 2>&1 ||
        stop "this computer has no PostgreSQL" "install it (on Debian: apt install postgresql), or use --no-database"
    facts=$(ask_server "SELECT current_setting('server_version_num')::int / 10000, current_setting('port'),
        split_part(current_setting('unix_socket_directories'), ',', 1)" 2>&1) ||
        stop "PostgreSQL does not answer: $(printf '%s\n' "$facts" | head -n 1)" "start it, or use --no-database"
    # Warnings of the server, for example of a changed collation, come before the answer.
    IFS='|' read -r major port socket <<TEXT
$(printf '%s\n' "$facts" | tail -n 1)
TEXT
    [ "$major" -ge 15 ] || stop "the server is PostgreSQL $major" "use PostgreSQL 15 or newer, or use --no-database"
    owner=$(ask_server "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = '$database'")
    [ -z "$owner" ] || [ "$owner" = "$role" ] ||
        stop "the database $database exists and belongs to $owner" "rename that database, or use --no-database"
}
