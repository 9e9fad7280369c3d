#!/bin/sh
# Installs TeleClaude for everybody on this computer: account, directories, program, service, role and database. Needs
# no Python to start; it looks for one. Every step says what it did, and running it again goes on where it stopped.
set -u
umask 022

usage() {
    cat <<'TEXT'
usage: install-system.sh [--fresh] [--no-database] [--wheels DIR] [--root DIR] [--dry-run]
       install-system.sh --uninstall [--root DIR] [--dry-run]

  --fresh        there is no old installation to migrate: put a first config.yml and secrets.yml in place, too
  --no-database  leave PostgreSQL alone; the role and the database are made elsewhere
  --wheels DIR   install the program from the wheels in DIR, without a network
  --root DIR     put DIR before every path; makes no account, no database, and tells systemd or launchd nothing
  --dry-run      print every command, and change nothing
  --uninstall    remove program, service and account; keep configuration, data, logs and the database
  --help         this page

examples:
  sudo bin/install-system.sh --dry-run
  sudo bin/install-system.sh
  sudo bin/install-system.sh --fresh --wheels /media/wheels
  bin/install-system.sh --root /tmp/trial
  sudo bin/install-system.sh --uninstall

exit codes:
  0    done
  2    the command line is wrong
  3    refused, nothing was changed: mend the cause
  5    failed; what was done stays: mend the cause, and run it again to go on
  130  interrupted before anything was changed
TEXT
}

# ---- What it says

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
        changed=$((changed + 1))
        line 'done' "$1"
    fi
}

already() {
    line 'already there' "$1"
}

stop() {
    printf 'install-system: %s\n  → %s\n' "$1" "$2" >&2
    if [ "$changed" -gt 0 ]; then
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
    # A command that fails may have done a part, which is only told by running it again.
    said=$("$@" 2>&1) || {
        changed=$((changed + 1))
        stop "$1 failed: $(printf '%s\n' "$said" | sed '/^[[:space:]]*$/d' | tail -n 1)" "${remedy:-mend the cause}"
    }
}

# ---- What it is asked

read_arguments() {
    root='' wheels='' dry_run=no uninstall=no fresh=no with_database=yes
    while [ $# -gt 0 ]; do
        case "$1" in
            --root | --wheels) [ $# -gt 1 ] || wrong "$1 wants a directory" ;;
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
            -h | --help) usage && exit 0 ;;
            *) wrong "$1 is not known" ;;
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

# ---- Where things are (teleclaude/layout.py has the same places)

find_places() {
    here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd) || exit 1
    [ -z "$root" ] || root=$(absolute "$root")
    [ -z "$wheels" ] || wheels=$(absolute "$wheels")
    # PostgreSQL's user may not be allowed to stand where root stands.
    cd /
    mine=no
    [ "$(id -u)" != 0 ] || [ -n "$root" ] || mine=yes
    platform=${TELECLAUDE_PLATFORM:-$(uname -s)}
    case "$platform" in
        Linux) account=teleclaude superuser=postgres etc=/etc var=/var programs=/opt/teleclaude ;;
        Darwin)
            # Homebrew's server belongs to whoever installed it.
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
    password_file=$configuration/pgpass
    case "$platform" in
        Linux) unit=teleclaude-system.service unit_file=$root/etc/systemd/system/teleclaude-system.service ;;
        Darwin) unit=ai.instrukt.teleclaude.system unit_file=$root/Library/LaunchDaemons/$unit.plist ;;
    esac
    role=teleclaude database=teleclaude
}

# ---- What it needs: everything is asked before anything is done

check() {
    [ -n "$root" ] || [ "$(id -u)" = 0 ] ||
        stop "the system's places belong to root" "run it with sudo, or try it with --root DIR"
    if [ "$platform" = Linux ] && [ -z "$root" ] && ! command -v systemctl >/dev/null 2>&1; then
        stop "there is no systemd here" "use docker-compose.system.yml, or try it with --root DIR"
    fi
    [ "$uninstall" = no ] || return 0
    check_account
    check_python
    check_code
    check_database
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

# Leaves in $python the first that is new enough, can make environments, and may be run by somebody else than root.
check_python() {
    for candidate in "${TELECLAUDE_PYTHON:-}" /usr/bin/python3 python3 python3.14 python3.13 python3.12 python3.11; do
        python=$(command -v "${candidate:-/nonexistent}") || continue
        "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || continue
        [ "$mine" = no ] || as nobody "$python" -c '' >/dev/null 2>&1 || continue
        return
    done
    stop "there is no Python 3.11 or newer with venv that every account may run" \
        "install one (on Debian: apt install python3-venv), or name it in TELECLAUDE_PYTHON"
}

# Leaves in $source what pip is to install, and in $release the name of what comes of it: its version and a checksum.
check_code() {
    lock=$here/requirements-system.lock
    [ -f "$lock" ] || stop "$lock is missing" "run the script where it lies, in a checkout or an installed program"
    source=
    [ -z "$wheels" ] || [ -d "$wheels" ] || stop "$wheels is no directory" "name the directory of the wheels"
    if [ -n "$wheels" ]; then
        for wheel in "$wheels"/teleclaude-*.whl; do
            [ ! -f "$wheel" ] || source=$wheel
        done
    fi
    if [ -n "$source" ]; then
        release=$(basename "$source" | cut -d - -f 2)-$(cat "$source" "$lock" | cksum | cut -d ' ' -f 1)
    elif [ -f "$here/pyproject.toml" ]; then
        source=$here
        version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' "$here/teleclaude/__init__.py")
        release=$version-$(checksum_of_checkout)
    else
        stop "there is neither a checkout around this script nor a wheel of teleclaude" "say --wheels DIR"
    fi
    if [ -e "$command" ] || [ -L "$command" ]; then
        is_our_command || stop "$command is there and is not of this script" "move it away"
    fi
}

checksum_of_checkout() {
    (cd "$here" && find teleclaude bin etc pyproject.toml requirements-system.lock -type f ! -name '*.pyc' \
        -exec cksum {} + | LC_ALL=C sort | cksum | cut -d ' ' -f 1)
}

is_our_command() {
    [ -L "$command" ] && case "$(link_of "$command")" in */opt/teleclaude/*) true ;; *) false ;; esac
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
        stop "there is no PostgreSQL here" "install one (on Debian: apt install postgresql), or say --no-database"
    facts=$(ask_server "SELECT current_setting('server_version_num')::int / 10000, current_setting('port'),
        split_part(current_setting('unix_socket_directories'), ',', 1)" 2>&1) ||
        stop "PostgreSQL does not answer: $(printf '%s\n' "$facts" | head -n 1)" "start it, or say --no-database"
    IFS='|' read -r major port socket <<TEXT
$facts
TEXT
    [ "$major" -ge 15 ] || stop "the server is PostgreSQL $major" "use 15 or newer, or say --no-database"
    owner=$(ask_server "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = '$database'")
    [ -z "$owner" ] || [ "$owner" = "$role" ] ||
        stop "there is a database $database, and it belongs to $owner" "rename it, or say --no-database"
}

# ---- Who does it

# Runs a command as another account.
as() {
    who=$1 && shift
    if [ "$platform" = Darwin ]; then
        sudo -n -u "$who" -- "$@"
    else
        # The first word after the script is its $0.
        su -s /bin/sh "$who" -c 'exec "$@"' -- sh "$@"
    fi
}

account_exists() {
    id -u "$account" >/dev/null 2>&1
}

account_shell() {
    if [ "$platform" = Darwin ]; then
        dscl . -read "/Users/$account" UserShell | sed 's/^UserShell: //'
    else
        getent passwd "$account" | cut -d : -f 7
    fi
}

make_account() {
    if [ "$mine" = no ]; then
        line 'left out' "the account $account: nothing is made outside of $root"
    elif account_exists; then
        already "the account $account"
    else
        if [ "$platform" = Darwin ]; then make_account_of_macos; else make_account_of_linux; fi
        finished "make the account $account"
    fi
}

make_account_of_linux() {
    for shell in /usr/sbin/nologin /sbin/nologin /bin/false; do
        [ ! -x "$shell" ] || break
    done
    act useradd --system --user-group --home-dir "$state" --no-create-home --shell "$shell" "$account"
}

make_account_of_macos() {
    number=300
    while { dscl . -list /Users UniqueID && dscl . -list /Groups PrimaryGroupID; } | grep -q "[[:space:]]$number\$"; do
        number=$((number + 1))
    done
    act dscl . -create "/Groups/$account" PrimaryGroupID "$number"
    act dscl . -create "/Groups/$account" Password '*'
    act dscl . -create "/Users/$account" PrimaryGroupID "$number"
    act dscl . -create "/Users/$account" NFSHomeDirectory /var/empty
    act dscl . -create "/Users/$account" UserShell /usr/bin/false
    act dscl . -create "/Users/$account" RealName TeleClaude
    act dscl . -create "/Users/$account" Password '*'
    act dscl . -create "/Users/$account" IsHidden 1
    # The number comes last: only with it the account is one.
    act dscl . -create "/Users/$account" UniqueID "$number"
}

# ---- Directories and files

make_directories() {
    make_directory "$configuration" 0755 root
    make_directory "$state" 0750 "$account"
    make_directory "$logs" 0750 "$account"
    make_directory "$shared" 0755 root
    make_directory "$shared/docs" 0755 root
    # On Linux systemd makes it anew at every start.
    [ "$platform" = Linux ] || make_directory "$root$var/run/teleclaude" 0755 "$account"
}

# PATH MODE OWNER: leaves a directory with that mode that belongs to root, or to the service user and its group.
make_directory() {
    meant="$1 ($2, $3)"
    if [ -d "$1" ] && is_so "$1" "$2" "$3"; then
        already "$meant"
        return
    fi
    [ -d "$1" ] || act mkdir -p -m "$2" "$1"
    own "$1" "$3"
    act chmod "$2" "$1"
    finished "make $meant"
}

# PATH OWNER: below --root, everything belongs to the caller.
own() {
    if [ "$mine" = yes ]; then
        if [ "$2" = root ]; then act chown 0:0 "$1"; else act chown "$2:$2" "$1"; fi
    fi
}

# PATH MODE OWNER: whether a directory or a file is as it is meant to be.
is_so() {
    case "$2" in
        0755) letters=rwxr-xr-x ;;
        0750) letters=rwxr-x--- ;;
    esac
    # shellcheck disable=SC2012
    found=$(ls -ldn "$1" | sed 's/  */ /g')
    [ "$(printf '%s' "$found" | cut -c 2-10)" = "$letters" ] || return 1
    [ "$mine" = no ] || [ "$(printf '%s' "$found" | cut -d ' ' -f 3,4)" = "$(ids_of "$3")" ]
}

ids_of() {
    if [ "$1" = root ]; then printf '0 0'; else printf '%s %s' "$(id -u "$1" 2>/dev/null)" "$(id -g "$1" 2>/dev/null)"; fi
}

# FROM TO: puts a file of ours in its place, whole or not at all, over an older one of ours.
put() {
    if cmp -s "$1" "$2"; then
        already "$2"
        return
    fi
    [ -d "$(dirname "$2")" ] || act mkdir -p "$(dirname "$2")"
    act cp "$1" "$2.new"
    act chmod 0644 "$2.new"
    act mv -f "$2.new" "$2"
    finished "put $2 in its place"
}

# ---- The program: one environment a release, complete before the command leads to it

install_program() {
    place=$programs/$release
    if [ -f "$place/complete" ]; then
        already "the program in $place"
    else
        make_environment
        finished "install the program in $place"
    fi
    lead_command_to "$release"
}

make_environment() {
    remedy="see to it; a network or --wheels DIR is needed"
    [ ! -e "$place" ] || act rm -rf "$place"
    act mkdir -p -m 0755 "$programs"
    act "$python" -m venv "$place"
    act "$place/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
        ${wheels:+--no-index --find-links "$wheels"} --require-hashes --requirement "$lock"
    act "$place/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
        --no-index --no-deps --no-build-isolation "$source"
    remedy="let every account reach $python and $programs, or name another Python in TELECLAUDE_PYTHON"
    if [ "$mine" = yes ]; then
        act as "$account" "$place/bin/teleclaude" --version
    else
        act "$place/bin/teleclaude" --version
    fi
    remedy=
    act touch "$place/complete"
}

# The link is relative, so that it leads to the program below --root as well.
lead_command_to() {
    case "$platform" in
        Linux) leads_to=../../../opt/teleclaude/$1/bin/teleclaude ;;
        Darwin) leads_to=../opt/teleclaude/$1/bin/teleclaude ;;
    esac
    before=
    [ ! -L "$command" ] || before=$(link_of "$command")
    if [ "$before" = "$leads_to" ]; then
        already "$command"
        return
    fi
    [ -d "$(dirname "$command")" ] || act mkdir -p "$(dirname "$command")"
    act rm -f "$command.new"
    act ln -s "$leads_to" "$command.new"
    act mv -f "$command.new" "$command"
    finished "let $command lead to it"
    remove_older_than "$before"
}

# A daemon that still runs from the release before goes on needing its files.
remove_older_than() {
    for other in "$programs"/*; do
        case "/$1/" in */"$(basename "$other")"/*) continue ;; esac
        [ -d "$other" ] && [ "$other" != "$place" ] || continue
        act rm -rf "$other"
        finished "remove the older program in $other"
    done
}

# ---- The service: enabled, and not started, because there may be nothing to serve yet

install_service() {
    cmp -s "$here/etc/$(basename "$unit_file")" "$unit_file" || service_changed=yes
    put "$here/etc/$(basename "$unit_file")" "$unit_file"
    if [ "$platform" = Darwin ]; then
        if [ "$mine" = yes ]; then
            act launchctl enable "system/$unit"
            finished "enable $unit"
        fi
        return
    fi
    if [ "$service_changed" = yes ] && systemd_runs; then
        act systemctl daemon-reload
    fi
    wanted=$root/etc/systemd/system/multi-user.target.wants/$unit
    if [ -L "$wanted" ]; then
        already "$unit is enabled"
    elif [ "$mine" = yes ]; then
        act systemctl enable "$unit"
        finished "enable $unit"
    else
        act mkdir -p "$(dirname "$wanted")"
        act ln -s "../$unit" "$wanted"
        finished "enable $unit"
    fi
}

systemd_runs() {
    [ "$mine" = yes ] && [ -d /run/systemd/system ]
}

service_is_active() {
    systemd_runs && systemctl is-active --quiet "$unit"
}

# ---- The database

# Prints what the server answers to its superuser.
ask_server() {
    as "$superuser" psql -X -A -t -w -d postgres -c "$1"
}

# SQL SHOWN: tells the server something. The SQL is in no process list.
tell_server() {
    if [ "$dry_run" = yes ]; then
        planned="$planned                 psql=> $2
"
        return
    fi
    said=$(printf '%s\n' "$1" | as "$superuser" psql -X -q -w -v ON_ERROR_STOP=1 -d postgres 2>&1) || {
        changed=$((changed + 1))
        stop "PostgreSQL refuses: $(printf '%s\n' "$said" | head -n 1)" "mend the cause, or say --no-database"
    }
}

tell_plainly() {
    tell_server "$1" "$1"
}

make_database() {
    if [ "$with_database" = no ] || [ "$mine" = no ]; then
        line 'left out' "the role and the database"
        return
    fi
    if [ -n "$(ask_server "SELECT 1 FROM pg_roles WHERE rolname = '$role'")" ]; then
        already "the role $role"
    else
        tell_plainly "CREATE ROLE $role LOGIN"
        finished "make the role $role"
    fi
    if [ -n "$owner" ]; then
        already "the database $database"
    else
        tell_plainly "CREATE DATABASE $database OWNER $role TEMPLATE template0 ENCODING 'UTF8'"
        tell_plainly "REVOKE ALL ON DATABASE $database FROM PUBLIC"
        finished "make the database $database"
    fi
    if [ "$fresh" = no ]; then
        make_password
    fi
    [ "$dry_run" = yes ] || check_login
}

# The service user needs no password on the local socket. Root, who migrates, is not let in there as $role; so the role
# gets a password, in a file as libpq reads it, which the migration carries to secrets.yml. Once there is a secrets.yml,
# the password is what that says.
make_password() {
    if [ -e "$password_file" ]; then
        already "$password_file"
        return
    elif [ -e "$configuration/secrets.yml" ]; then
        already "$configuration/secrets.yml, so the role keeps its password"
        return
    fi
    password=$(od -A n -t x1 -N 24 /dev/urandom | tr -d ' \n')
    change="ALTER ROLE $role PASSWORD"
    # What the server logs of its statements must not hold it.
    quiet="SET log_statement = 'none'; SET log_min_duration_statement = -1; SET log_min_error_statement = 'panic';"
    tell_server "$quiet SET password_encryption = 'scram-sha-256'; $change '$password'" "$change '…'"
    if [ "$dry_run" = no ]; then
        entry=localhost:$port:$database:$role:$password
        if ! (umask 077 && printf '%s\n' "$entry" >"$password_file.new" && mv -f "$password_file.new" "$password_file"); then
            stop "$password_file cannot be written" "see to the place"
        fi
    fi
    finished "make a password for the role, in $password_file (0600, root)"
}

# Proves that who comes next is let in.
check_login() {
    if [ "$fresh" = yes ]; then
        said=$(as "$account" psql -X -w -h "$socket" -p "$port" -U "$role" -d "$database" -c 'SELECT 1' 2>&1) ||
            stop "the server does not let the account $account in as $role: $(printf '%s\n' "$said" | tail -n 1)" \
                "put this line first into pg_hba.conf, reload the server: local $database $role peer"
    elif [ -e "$password_file" ]; then
        said=$(PGPASSFILE=$password_file psql -X -w -h localhost -p "$port" -U "$role" -d "$database" -c 'SELECT 1' 2>&1) ||
            stop "the server does not let $role in with its password: $(printf '%s\n' "$said" | tail -n 1)" \
                "put this line first into pg_hba.conf, reload the server: host $database $role localhost scram-sha-256"
    else
        return
    fi
    line ok "the server lets $role in"
}

# ---- A first configuration, where no migration brings one

make_configuration() {
    put "$here/etc/config.sample.yml" "$shared/config.sample.yml"
    put "$here/docs/install.md" "$shared/install.md"
    [ "$fresh" = yes ] || return 0
    put_once "$here/etc/config.sample.yml" "$configuration/config.yml" 0644 0:0
    group=$(id -g "$account" 2>/dev/null)
    put_once "$here/etc/secrets.sample.yml" "$configuration/secrets.yml" 0640 "0:${group:-$account}"
}

# FROM TO MODE OWNER: what stands there already is never replaced.
put_once() {
    if [ -e "$2" ] || [ -L "$2" ]; then
        already "$2, and is left as it is"
        return
    fi
    if [ "$dry_run" = no ]; then
        place_of_server="host=${socket:-/var/run/postgresql}"
        [ "${port:-5432}" = 5432 ] || place_of_server="$place_of_server\\&port=$port"
        (umask 077 && sed "s|host=/var/run/postgresql|$place_of_server|" "$1" >"$2.new") ||
            stop "$2 cannot be written" "see to the place"
    fi
    [ "$mine" = no ] || act chown "$4" "$2.new"
    act chmod "$3" "$2.new"
    act mv "$2.new" "$2"
    finished "put $2 in its place ($3)"
}

# ---- What is next

say_what_is_next() {
    if [ -e "$configuration/secrets.yml" ]; then
        if "$command" self-check --help >/dev/null 2>&1; then
            "$command" self-check ${root:+--root "$root"}
        fi
        if service_is_active; then
            line next "systemctl restart $unit"
        else
            line next "see $configuration/config.yml, then start it: $(start_command)"
        fi
        return
    fi
    at=localhost
    [ "${port:-5432}" = 5432 ] || at=localhost:$port
    url="postgresql://$role@$at/$database?passfile=$password_file"
    [ -e "$password_file" ] || url=URL
    line next "bring the old installation here: $command migrate-to-system --source CHECKOUT \\"
    line '' "    --target '$url'${root:+ --root $root}"
    line '' "or begin without one: $0 --fresh"
    line '' "then start it: $(start_command)"
}

start_command() {
    if [ "$platform" = Darwin ]; then
        printf 'launchctl bootstrap system %s' "$unit_file"
    else
        printf 'systemctl start %s' "$unit"
    fi
}

# ---- The way back

uninstall() {
    remove_service
    if [ -L "$command" ] && is_our_command; then
        remove "$command"
    fi
    remove "$programs"
    remove "$shared/config.sample.yml"
    remove "$shared/install.md"
    for place in "$shared/docs" "$shared" "$logs" "$state" "$configuration"; do
        remove_where_empty "$place"
    done
    remove_account
    say_what_is_kept
}

remove_service() {
    if [ ! -e "$unit_file" ]; then
        already "no $unit"
        return
    fi
    if [ "$mine" = yes ] && [ "$platform" = Darwin ]; then
        ! launchctl print "system/$unit" >/dev/null 2>&1 || act launchctl bootout "system/$unit"
    elif systemd_runs; then
        act systemctl disable --now "$unit"
    elif [ "$platform" = Linux ]; then
        act rm -f "$root/etc/systemd/system/multi-user.target.wants/$unit"
    fi
    act rm -f "$unit_file"
    ! systemd_runs || act systemctl daemon-reload
    finished "stop and remove $unit"
}

remove() {
    if [ -e "$1" ] || [ -L "$1" ]; then
        act rm -rf "$1"
        finished "remove $1"
    fi
}

remove_where_empty() {
    if [ -d "$1" ] && [ -z "$(ls -A "$1")" ]; then
        act rmdir "$1"
        finished "remove $1, which is empty"
    fi
}

# An account whose files are still there is kept, or its number could become somebody else's, and the files with it.
remove_account() {
    if [ "$mine" = no ] || ! account_exists || [ -d "$state" ] || [ -d "$logs" ] || [ -d "$configuration" ]; then
        return
    fi
    if [ "$platform" = Darwin ]; then
        act dscl . -delete "/Users/$account"
        act dscl . -delete "/Groups/$account"
    else
        act userdel "$account"
    fi
    finished "remove the account $account"
}

say_what_is_kept() {
    for place in "$configuration" "$state" "$logs" "$shared/docs" "$unit_file.d"; do
        [ ! -e "$place" ] || line kept "$place, which goes with: rm -r $place"
    done
    [ "$mine" = yes ] || return 0
    if account_exists; then
        line kept "the account $account, which goes with: $(account_removal)"
    fi
    line kept "the database $database, if it is here, which goes with:"
    line '' "    sudo -u $superuser dropdb $database; sudo -u $superuser dropuser $role"
}

account_removal() {
    if [ "$platform" = Darwin ]; then
        printf 'dscl . -delete /Users/%s; dscl . -delete /Groups/%s' "$account" "$account"
    else
        printf 'userdel %s' "$account"
    fi
}

install() {
    make_account
    make_directories
    install_program
    make_database
    make_configuration
    install_service
    say_what_is_next
}

read_arguments "$@"
find_places
trap interrupted INT TERM HUP
service_changed=no socket='' port='' owner=''
check
if [ "$uninstall" = yes ]; then uninstall; else install; fi
