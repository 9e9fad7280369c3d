# shellcheck shell=sh
# The role and the database on the server of this computer.

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
    changed=1
    said=$(printf '%s\n' "$1" | as "$superuser" psql -X -q -w -v ON_ERROR_STOP=1 -d postgres 2>&1) ||
        stop "PostgreSQL refuses: $(printf '%s\n' "$said" | head -n 1)" "fix the cause, or use --no-database"
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
    [ ${#password} = 48 ] || stop "no password can be made of /dev/urandom" "see that od(1) reads it"
    change="ALTER ROLE $role PASSWORD"
    # What the server logs of its statements must not hold it.
    quiet="SET log_statement = 'none'; SET log_min_duration_statement = -1; SET log_min_error_statement = 'panic';
        SET log_min_duration_sample = -1; SET log_transaction_sample_rate = 0;"
    tell_server "$quiet SET password_encryption = 'scram-sha-256'; $change '$password'" "$change '…'"
    if [ "$dry_run" = no ]; then
        entry=localhost:$port:$database:$role:$password
        if ! (
            umask 077 && rm -f "$password_file.new" && printf '%s\n' "$entry" >"$password_file.new" &&
                mv -f "$password_file.new" "$password_file"
        ); then
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
