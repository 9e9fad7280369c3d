# shellcheck shell=sh
# The service: never started here, and enabled only where there is a configuration. Without one the enabled unit would
# keep the daemon of the single-user installation from starting at boot.

install_service() {
    cmp -s "$here/etc/$(basename "$unit_file")" "$unit_file" || service_changed=yes
    put "$here/etc/$(basename "$unit_file")" "$unit_file"
    if [ "$with_network" = no ]; then
        cmp -s "$here/etc/no-network.conf" "$drop_in" || service_changed=yes
        put "$here/etc/no-network.conf" "$drop_in"
    fi
    if [ "$service_changed" = yes ] && [ "$platform" = Linux ] && systemd_runs; then
        act systemctl daemon-reload
    fi
    if [ "$fresh" = yes ] || [ -e "$configuration/secrets.yml" ]; then
        enable_service
    fi
}

enable_service() {
    if [ "$platform" = Darwin ]; then
        if [ "$real" = yes ]; then
            act launchctl enable "system/$unit"
            finished "enable $unit"
        fi
        return
    fi
    wanted=$root/etc/systemd/system/multi-user.target.wants/$unit
    if [ -L "$wanted" ]; then
        already "$unit is enabled"
    elif [ "$real" = yes ]; then
        act systemctl enable "$unit"
        finished "enable $unit"
    else
        act mkdir -p "$(dirname "$wanted")"
        act ln -s "../$unit" "$wanted"
        finished "enable $unit"
    fi
}

offer_no_network() {
    if [ "$platform" = Linux ] && [ ! -e "$drop_in" ] && [ "$with_network" = yes ] && database_is_on_socket; then
        line '' "the database is on a local socket, so the service needs no network; to take it away: $0 --no-network${root:+ --root $root}"
    fi
}

systemd_runs() {
    [ "$real" = yes ] && [ -d /run/systemd/system ]
}

service_is_active() {
    systemd_runs && systemctl is-active --quiet "$unit"
}
