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
        is_roots_alone "$programs" ||
            stop "others than root can change $programs" "chown root $programs && chmod 0755 $programs, and the way there"
    fi
}

install_program() {
    place=$programs/$release
    if [ -f "$place/complete" ]; then
        already "the program in $place"
        [ "$mine" = no ] || prove_program
    else
        make_environment
        finished "install the program in $place"
    fi
    lead_to_program
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
    remedy=
    prove_program
    act mv "$place/incomplete" "$place/complete"
}

# Whoever the daemon runs as has to be able to run it, also where somebody changed a mode since it was installed.
prove_program() {
    [ "$dry_run" = no ] || return 0
    if [ "$mine" = yes ]; then
        said=$(as "$account" "$place/bin/teleclaude" --version 2>&1)
    else
        said=$("$place/bin/teleclaude" --version 2>&1)
    fi || stop "the program does not run: $(printf '%s\n' "$said" | sed '/^[[:space:]]*$/d' | tail -n 1)" \
        "let every account reach $python and $place, or name another Python in TELECLAUDE_PYTHON"
}

# The links are relative, so that they lead to the program below --root as well.
lead_to_program() {
    case "$platform" in
        Linux) up=../../../opt ;;
        Darwin) up=../opt ;;
    esac
    before=
    [ ! -L "$command" ] || before=$(link_of "$command")
    after=$up/teleclaude/$release/bin/teleclaude
    lead "$command" "$after"
    lead "$manual" "../../$up/teleclaude/$release/share/man/man1/teleclaude.1"
    [ "$before" = "$after" ] || remove_older_than "$before"
}

# LINK TARGET: leaves a link of ours, over an older one of ours.
lead() {
    if [ -L "$1" ] && [ "$(link_of "$1")" = "$2" ]; then
        already "$1"
        return
    fi
    [ -d "$(dirname "$1")" ] || act mkdir -p "$(dirname "$1")"
    act rm -f "$1.new"
    act ln -s "$2" "$1.new"
    act mv -f "$1.new" "$1"
    finished "let $1 lead to it"
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
