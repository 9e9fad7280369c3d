#!/bin/sh
# Installs TeleClaude for everybody on this computer: account, directories, program, service, role and database. It
# starts without Python and looks for one. Every step prints what it did. Run it again to continue after a failure.
set -u
umask 022

usage() {
    cat <<'TEXT'
usage: install-system.sh [--fresh] [--no-database] [--no-network] [--wheels DIR] [--root DIR] [--dry-run]
       install-system.sh --uninstall [--root DIR] [--dry-run]

  --fresh        there is no old installation to migrate: also install a first config.yml and secrets.yml
  --no-database  do not touch PostgreSQL; you create the role and the database yourself
  --no-network   take the network from the service: for a database on a local socket
  --wheels DIR   install the program from the wheels in DIR, without a network
  --root DIR     put DIR before every path; creates no account and no database, and does not call systemd or launchd
  --dry-run      print every command, and change nothing
  --uninstall    remove program, service and account; keep configuration, data, logs and the database
  --help         print this page

examples:
  sudo bin/install-system.sh --dry-run
  sudo bin/install-system.sh
  sudo bin/install-system.sh --fresh --wheels /media/wheels
  bin/install-system.sh --root /tmp/trial
  sudo bin/install-system.sh --uninstall

exit codes:
  0    done
  2    the command line is wrong
  3    refused, nothing was changed: fix the cause
  5    failed, finished steps are kept: fix the cause and run it again
  130  interrupted before anything was changed
TEXT
}

read_arguments() {
    root='' wheels='' dry_run=no uninstall=no fresh=no with_database=yes with_network=yes
    while [ $# -gt 0 ]; do
        case "$1" in
            # An empty variable as DIR must not turn a trial into a real installation.
            --root | --wheels) case "${2:-}" in '' | -*) wrong "$1 needs a directory" ;; esac ;;
            --root= | --wheels=) wrong "${1%=} needs a directory" ;;
        esac
        case "$1" in
            --root) root=$2 && shift ;;
            --root=*) root=${1#--root=} ;;
            --wheels) wheels=$2 && shift ;;
            --wheels=*) wheels=${1#--wheels=} ;;
            --dry-run) dry_run=yes ;;
            --uninstall) uninstall=yes ;;
            --fresh) fresh=yes ;;
            --no-database) with_database=no ;;
            --no-network) with_network=no ;;
            -h | --help) usage && exit 0 ;;
            *) wrong "$1 is not an option" ;;
        esac
        shift
    done
}

wrong() {
    printf 'install-system: %s\n\n' "$1" >&2
    usage >&2
    exit 2
}

absolute() {
    case "$1" in
        /*) printf '%s' "$1" ;;
        *) printf '%s/%s' "$(pwd)" "$1" ;;
    esac
}

# The places on this platform, the same as in teleclaude/layout.py.
find_places() {
    [ -z "$root" ] || root=$(absolute "$root")
    [ -z "$wheels" ] || wheels=$(absolute "$wheels")
    case "$(cd "${root:-/dev/null}" 2>/dev/null && pwd -P)" in
        / | //) wrong "--root $root is the root directory itself" ;;
    esac
    # PostgreSQL's user may not be allowed to enter the current directory.
    cd /
    real=no
    [ "$(id -u)" != 0 ] || [ -n "$root" ] || real=yes
    platform=${TELECLAUDE_PLATFORM:-$(uname -s)}
    case "$platform" in
        Linux) account=teleclaude superuser=postgres etc=/etc var=/var programs=/opt/teleclaude ;;
        Darwin)
            # Homebrew's server belongs to the user who installed it.
            account=_teleclaude superuser=${SUDO_USER:-root}
            etc=/usr/local/etc var=/usr/local/var programs=/usr/local/opt/teleclaude
            ;;
        *) stop "$platform is not supported" "use Linux or macOS" ;;
    esac
    configuration=$root$etc/teleclaude
    state=$root$var/lib/teleclaude
    logs=$root$var/log/teleclaude
    shared=$root/usr/local/share/teleclaude
    programs=$root$programs
    command=$root/usr/local/bin/teleclaude
    manual=$root/usr/local/share/man/man1/teleclaude.1
    password_file=$configuration/pgpass
    case "$platform" in
        Linux) unit=teleclaude-system.service unit_file=$root/etc/systemd/system/teleclaude-system.service ;;
        Darwin) unit=ai.instrukt.teleclaude.system unit_file=$root/Library/LaunchDaemons/$unit.plist ;;
    esac
    drop_in=$unit_file.d/no-network.conf
    role=teleclaude database=teleclaude
    lock_file=/var/run/teleclaude-install
}

print_next_steps() {
    if [ -e "$configuration/secrets.yml" ] || [ "$fresh" = yes ]; then
        if [ "$dry_run" = no ] && ! "$command" self-check ${root:+--root "$root"}; then
            line next "fix what failed above; to see whether it is, run: $command self-check${root:+ --root $root}"
            line '' "then check $configuration/config.yml, and start the service: $(start_command)"
        elif service_is_active; then
            line next "systemctl restart $unit"
        else
            line next "check $configuration/config.yml, then start the service: $(start_command)"
        fi
        offer_no_network
        return
    fi
    at=localhost
    [ "${port:-5432}" = 5432 ] || at=localhost:$port
    url="postgresql://$role@$at/$database?passfile=$password_file"
    # With --dry-run, the password file will exist only later.
    [ -e "$password_file" ] || { [ "$dry_run$with_database$real" = yesyesyes ] && [ "$fresh" = no ]; } || url=URL
    line next "migrate the old installation: $command migrate-to-system \\"
    line '' "    --target '$url'${root:+ --root $root}"
    line '' "or start without an old one: $0 --fresh${root:+ --root $root}"
    line '' "then start the service: $(start_command)"
}

start_command() {
    if [ -n "$root" ]; then
        printf '%s daemon --root %s' "$command" "$root"
    elif [ "$platform" = Darwin ]; then
        # A rollback of the migration disables the service, and launchd does not start a disabled one.
        printf 'launchctl enable system/%s && launchctl bootstrap system %s' "$unit" "$unit_file"
    else
        printf 'systemctl enable --now %s' "$unit"
    fi
}

install() {
    check
    make_account
    make_directories
    install_program
    make_database
    make_configuration
    install_service
    make_state
    print_next_steps
}

here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd) || exit 1
# shellcheck source=bin/install/messages.sh
. "$here/bin/install/messages.sh"
# shellcheck source=bin/install/lock.sh
. "$here/bin/install/lock.sh"
# shellcheck source=bin/install/requirements.sh
. "$here/bin/install/requirements.sh"
# shellcheck source=bin/install/accounts.sh
. "$here/bin/install/accounts.sh"
# shellcheck source=bin/install/files.sh
. "$here/bin/install/files.sh"
# shellcheck source=bin/install/program.sh
. "$here/bin/install/program.sh"
# shellcheck source=bin/install/service.sh
. "$here/bin/install/service.sh"
# shellcheck source=bin/install/database.sh
. "$here/bin/install/database.sh"
# shellcheck source=bin/install/uninstall.sh
. "$here/bin/install/uninstall.sh"

read_arguments "$@"
find_places
trap interrupted INT TERM HUP
service_changed=no different='' socket='' port='' owner=''
check_system
take_lock
if [ "$uninstall" = yes ]; then uninstall; else install; fi
