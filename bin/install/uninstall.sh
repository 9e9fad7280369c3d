# shellcheck shell=sh
# Uninstalling: it removes program, service and account, and keeps configuration, data and logs.

uninstall() {
    remove_service
    for link in "$command" "$manual"; do
        ! is_our_link "$link" || remove "$link"
    done
    for place in "$programs"/*; do
        ! is_release "$place" || remove "$place"
    done
    remove "$shared/config.sample.yml"
    remove "$shared/install.md"
    for place in "$programs" "$shared/docs" "$shared" "$logs" "$state" "$configuration"; do
        remove_where_empty "$place"
    done
    remove_account
    print_kept
}

remove_service() {
    if [ ! -e "$unit_file" ]; then
        already "no $unit"
        return
    fi
    if [ "$real" = yes ] && [ "$platform" = Darwin ]; then
        ! launchctl print "system/$unit" >/dev/null 2>&1 || act launchctl bootout "system/$unit"
    elif systemd_runs; then
        act systemctl disable --now "$unit"
    elif [ "$platform" = Linux ]; then
        act rm -f "$root/etc/systemd/system/multi-user.target.wants/$unit"
    fi
    act rm -f "$unit_file" "$drop_in"
    [ ! -d "$unit_file.d" ] || [ -n "$(ls -A "$unit_file.d")" ] || act rmdir "$unit_file.d"
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

# An account whose files remain is kept: otherwise a new account could get its number, and with it the files.
remove_account() {
    if [ "$real" = no ] || ! account_exists || [ -d "$state" ] || [ -d "$logs" ] || [ -d "$configuration" ]; then
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

print_kept() {
    for place in "$configuration" "$state" "$logs" "$shared/docs" "$unit_file.d"; do
        [ ! -e "$place" ] || line kept "$place; to remove it: rm -r $place"
    done
    [ "$real" = yes ] || return 0
    if account_exists; then
        line kept "the account $account; to remove it: $(account_removal)"
    fi
    line kept "the database $database, if this server has it; to remove it:"
    line '' "    sudo -u $superuser dropdb $database; sudo -u $superuser dropuser $role"
}

account_removal() {
    if [ "$platform" = Darwin ]; then
        printf 'dscl . -delete /Users/%s; dscl . -delete /Groups/%s' "$account" "$account"
    else
        printf 'userdel %s' "$account"
    fi
}
