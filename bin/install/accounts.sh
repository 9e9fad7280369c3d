# shellcheck shell=sh
# The account of the daemon, and commands that run as another account.

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
    if [ "$real" = no ]; then
        line 'left out' "the account $account: with --root nothing is created outside of $root"
    elif account_exists; then
        already "the account $account"
    else
        if [ "$platform" = Darwin ]; then make_account_of_macos; else make_account_of_linux; fi
        finished "create the account $account"
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
    # The number comes last: without it the account does not exist yet.
    act dscl . -create "/Users/$account" UniqueID "$number"
}
