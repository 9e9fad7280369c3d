# shellcheck shell=sh
# The role and the database on the server of this computer.

# Prints what the server answers to its superuser.
ask_server() {
    as "$superuser" psql -X -A -t -w -d postgres -c "$1"
}

# SQL SHOWN: runs SQL on the server, and prints SHOWN for it with --dry-run. The SQL is in no process list.
tell_server() {
    if [ "$dry_run" = yes ]; then
        planned="$planned                 psql=> $2
"
        return
    fi
    changed=1
    said=$(printf '%s\n' "$1" | as "$superuser" psql -X -q -w -v ON_ERROR_STOP=1 -d postgres 2>&1) ||
        stop "PostgreSQL refused: $(printf '%s\n' "$said" | head -n 1)" "fix the cause, or use --no-database"
}

tell_plainly() {
    tell_server "$1" "$1"
}

make_database() {
    if [ "$with_database" = no ] || [ "$real" = no ]; then
        line 'left out' "the role and the database"
        return
    fi
    if [ -n "$(ask_server "SELECT 1 FROM pg_roles WHERE rolname = '$role'")" ]; then
        already "the role $role"
    else
        tell_plainly "CREATE ROLE $role LOGIN"
        finished "create the role $role"
    fi
    if [ -n "$owner" ]; then
        already "the database $database"
    else
        tell_plainly "CREATE DATABASE $database OWNER $role TEMPLATE template0 ENCODING 'UTF8'"
        tell_plainly "REVOKE ALL ON DATABASE $database FROM PUBLIC"
        finished "create the database $database"
    fi
    if [ "$fresh" = no ]; then
        make_password
    fi
    [ "$dry_run" = yes ] || check_login
}

# The service user needs no password on the local socket. Root, who migrates, cannot connect there as $role. So the role
# gets a password, in a file that libpq reads, and the migration copies it to secrets.yml. Once secrets.yml exists, the
# password in it is used.
make_password() {
    if [ -e "$password_file" ]; then
        already "$password_file"
        return
    elif [ -e "$configuration/secrets.yml" ]; then
        already "$configuration/secrets.yml, and the role keeps its password"
        return
    fi
    password=$(od -A n -t x1 -N 24 /dev/urandom | tr -d ' \n')
    [ ${#password} = 48 ] || stop "od(1) cannot read a password from /dev/urandom" "check that od reads /dev/urandom"
    change="ALTER ROLE $role PASSWORD"
    # The log of the server must not hold the password.
    quiet="SET log_statement = 'none'; SET log_min_duration_statement = -1; SET log_min_error_statement = 'panic';
        SET log_min_duration_sample = -1; SET log_transaction_sample_rate = 0;"
    tell_server "$quiet SET password_encryption = 'scram-sha-256'; $change '$password'" "$change '…'"
    if [ "$dry_run" = no ]; then
        entry=localhost:$port:$database:$role:$password
        if ! (
            umask 077 && rm -f "$password_file.new" && printf '%s\n' "$entry" >"$password_file.new" &&
                mv -f "$password_file.new" "$password_file"
        ); then
            stop "$password_file cannot be written" "check the directory and the disk"
        fi
    fi
    finished "create a password for the role, in $password_file (0600, root)"
}

# Checks that the daemon or the migration will be able to connect.
check_login() {
    if [ "$fresh" = yes ]; then
        said=$(as "$account" psql -X -w -h "$socket" -p "$port" -U "$role" -d "$database" -c 'SELECT 1' 2>&1) ||
            stop "the account $account cannot connect to the server as $role: $(printf '%s\n' "$said" | tail -n 1)" \
                "add this first line to pg_hba.conf and reload the server: local $database $role peer"
    elif [ -e "$password_file" ]; then
        said=$(PGPASSFILE=$password_file psql -X -w -h localhost -p "$port" -U "$role" -d "$database" -c 'SELECT 1' 2>&1) ||
            stop "$role cannot connect to the server with its password: $(printf '%s\n' "$said" | tail -n 1)" \
                "add this first line to pg_hba.conf and reload the server: host $database $role localhost scram-sha-256"
    else
        return
    fi
    line ok "$role can connect to the server"
}
