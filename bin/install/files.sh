# shellcheck shell=sh
# Directories and files, with their modes and owners.

make_directories() {
    make_directory "$configuration" 0755 0:0
    make_directory "$logs" 0750 "$account:$account"
    make_directory "$shared" 0755 0:0
    make_directory "$shared/docs" 0755 0:0
    # On Linux systemd creates it at every start.
    [ "$platform" = Linux ] || make_directory "$root$var/run/teleclaude" 0755 "$account:$account"
}

# The service writes here, but cannot rename or remove files of root: root runs scripts that lie in migration. This comes
# after the unit, because with an older unit systemd gives the directory and its content to the service user.
make_state() {
    make_directory "$state" 1770 "0:$account"
}

# PATH MODE OWNER:GROUP: creates or corrects a directory with this mode, owner and group; 0 is root and its group.
make_directory() {
    meant="$1 ($2, $3)"
    if [ -d "$1" ] && has_mode_and_owner "$1" "$2" "$3"; then
        already "$meant"
        return
    fi
    [ -d "$1" ] || act mkdir -p -m "$2" "$1"
    own "$1" "$3"
    act chmod "$2" "$1"
    finished "create $meant"
}

# PATH OWNER:GROUP: sets them; below --root everything belongs to the caller.
own() {
    [ "$real" = no ] || act chown "$2" "$1"
}

# PATH MODE OWNER:GROUP: whether a directory has this mode, owner and group.
has_mode_and_owner() {
    case "$2" in
        0755) letters=rwxr-xr-x ;;
        0750) letters=rwxr-x--- ;;
        1770) letters=rwxrwx--T ;;
    esac
    # shellcheck disable=SC2012
    found=$(ls -ldnL "$1" | sed 's/  */ /g')
    [ "$(printf '%s' "$found" | cut -c 2-10)" = "$letters" ] || return 1
    [ "$real" = no ] || [ "$(printf '%s' "$found" | cut -d ' ' -f 3,4)" = "$(ids_of "$3")" ]
}

# OWNER:GROUP: prints their numbers; the group is that of the account of its name.
ids_of() {
    owner_id=${1%:*} group_id=${1#*:}
    [ "$owner_id" = 0 ] || owner_id=$(id -u "$owner_id" 2>/dev/null)
    [ "$group_id" = 0 ] || group_id=$(id -g "$group_id" 2>/dev/null)
    printf '%s %s' "$owner_id" "$group_id"
}

# FROM TO: installs a file of ours, whole or not at all, over an older one of ours.
put() {
    if cmp -s "$1" "$2"; then
        already "$2"
        return
    fi
    [ -d "$(dirname "$2")" ] || act mkdir -p "$(dirname "$2")"
    act rm -f "$2.new"
    act cp "$1" "$2.new"
    act chmod 0644 "$2.new"
    act mv -f "$2.new" "$2"
    finished "install $2"
}

make_configuration() {
    put "$here/etc/config.sample.yml" "$shared/config.sample.yml"
    put "$here/docs/install.md" "$shared/install.md"
    [ "$fresh" = yes ] || return 0
    put_once "$here/etc/config.sample.yml" "$configuration/config.yml" 0644 0:0
    group=$(id -g "$account" 2>/dev/null)
    put_once "$here/etc/secrets.sample.yml" "$configuration/secrets.yml" 0640 "0:${group:-$account}"
}

# FROM TO MODE OWNER:GROUP: installs a file; one that exists is never replaced.
put_once() {
    if [ -e "$2" ] || [ -L "$2" ]; then
        already "$2, and is not changed"
        return
    fi
    place_of_server="host=${socket:-/var/run/postgresql}"
    [ "${port:-5432}" = 5432 ] || place_of_server="$place_of_server\\&port=$port"
    act rm -f "$2.new"
    # shellcheck disable=SC2016 # the inner shell expands it
    act sh -c 'umask 077 && sed "$1" "$2" >"$3"' sh "s|host=/var/run/postgresql|$place_of_server|" "$1" "$2.new"
    [ "$real" = no ] || act chown "$4" "$2.new"
    act chmod "$3" "$2.new"
    act mv "$2.new" "$2"
    finished "install $2 ($3)"
}
