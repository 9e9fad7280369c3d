# shellcheck shell=sh
# The program: one environment a release, complete before the command leads to it.

# DIR: whether it is a release that this script made, or began to make.
is_release() {
    [ ! -L "$1" ] && { [ -f "$1/complete" ] || [ -f "$1/incomplete" ]; }
}

# What lies among the releases may be somebody's, a checkout above all; and who can change the place can become root.
check_programs() {
    for entry in "$programs"/* "$programs"/.[!.]*; do
        [ -e "$entry" ] || [ -L "$entry" ] || continue
        [ "$entry" = "$programs/$release" ] || is_release "$entry" ||
            stop "$entry is there and is not of this script" "move $programs away"
    done
    if [ "$mine" = yes ] && [ -e "$programs" ]; then
        find "$programs" -prune -type d -user 0 ! -perm -020 ! -perm -002 | grep -q . ||
            stop "others than root can change $programs" "chown root $programs && chmod 0755 $programs"
    fi
}

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
    act mkdir "$place"
    act touch "$place/incomplete"
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
    act mv "$place/incomplete" "$place/complete"
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
        is_release "$other" && [ "$other" != "$place" ] || continue
        act rm -rf "$other"
        finished "remove the older program in $other"
    done
}
