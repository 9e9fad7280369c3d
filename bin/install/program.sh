# shellcheck shell=sh
# The program: each release has its own environment, complete before the command is linked to it.

# DIR: whether it is a release that this script made, or began to make.
is_release() {
    [ ! -L "$1" ] && { [ -f "$1/complete" ] || [ -f "$1/incomplete" ]; }
}

# A checkout or another program in the place of the releases must not be removed. And a user who can change that place
# can become root.
check_programs() {
    for entry in "$programs"/* "$programs"/.[!.]*; do
        [ -e "$entry" ] || [ -L "$entry" ] || continue
        [ "$entry" = "$programs/$release" ] || is_release "$entry" ||
            stop "$entry exists, and this script did not make it" "move $programs away"
    done
    if [ "$real" = yes ] && [ -e "$programs" ]; then
        only_root_changes "$programs" ||
            stop "users other than root can change $programs" "run chown root and chmod 0755 on $programs and the folders above it"
    fi
}

install_program() {
    place=$programs/$release
    if [ -f "$place/complete" ] && has_what_the_lock_names; then
        already "the program in $place"
        [ "$real" = no ] || check_program_runs
    else
        [ -z "$different" ] || line 'made again' "the program in $place differs from its lock: $different"
        make_environment
        finished "install the program in $place"
    fi
    link_program
}

# pip and what builds the wheel are in an environment of their own, which is removed: root runs nothing of them later.
make_environment() {
    tools=$place/tools
    # pip starts the other Python without -I.
    unset PYTHONPATH PYTHONHOME
    remedy="check the network, or use --wheels DIR"
    [ ! -e "$place" ] || act rm -rf "$place"
    act mkdir -p -m 0755 "$programs"
    act mkdir "$place"
    act touch "$place/incomplete"
    begins "make an environment in $place"
    act "$python" -I -m venv --without-pip "$place"
    act "$python" -I -m venv "$tools"
    begins "install the libraries, which takes a minute"
    install_locked "$place" "$lock"
    begins "install teleclaude itself"
    wheel=$source
    [ -f "$source" ] || build_wheel
    run_pip --python "$place/bin/python" install --no-index --no-deps --only-binary :all: "$wheel"
    isolate "$place/bin/teleclaude"
    act rm -rf "$tools"
    remedy=
    check_libraries
    check_program_runs
    act mv "$place/incomplete" "$place/complete"
}

run_pip() {
    act "$tools/bin/python" -I -m pip --quiet --disable-pip-version-check --no-input "$@"
}

# ENVIRONMENT LOCK: installs what the lock names, as wheels: a source would run its own code to be built.
install_locked() {
    run_pip --python "$1/bin/python" install --require-hashes --only-binary :all: \
        ${wheels:+--no-index --find-links "$wheels"} --requirement "$2"
}

# Sets $wheel to the program's wheel, which the checkout is made into.
build_wheel() {
    install_locked "$tools" "$here/requirements-build.lock"
    run_pip wheel --no-index --no-deps --no-build-isolation --wheel-dir "$tools/wheel" "$source"
    wheel=$tools/wheel/teleclaude-$version-py3-none-any.whl
}

# Sets $different to the distributions that only the lock names, or only the environment has.
has_what_the_lock_names() {
    list='import importlib.metadata, re
for found in importlib.metadata.distributions():
    print(re.sub("[-_.]+", "-", found.name).lower(), found.version)'
    different=$({
        "$place/bin/python" -I -c "$list" 2>&1 | grep -v '^teleclaude '
        sed -n 's/^\([a-z0-9-]*\)==\([^ ]*\).*/\1 \2/p' "$lock"
    } | LC_ALL=C sort | uniq -u | tr '\n' ',' | sed 's/,$//; s/,/, /g')
    [ -z "$different" ]
}

check_libraries() {
    [ "$dry_run" = no ] || return 0
    has_what_the_lock_names || stop "the program in $place differs from $lock: $different" \
        "check the configuration of pip (pip.conf, PIP_*)"
    cmp -s "$lock" "$place/share/teleclaude/requirements-system.lock" ||
        stop "the wheel $source is of another release than this script" "use the script of the same release"
}

# COMMAND: lets it take no module from the caller's environment; where the path of Python is long, the second line has it.
isolate() {
    act sed -i.pip -e '1s|^#!.*python[^ ]*$|& -I|' -e '2s|\( ".0" ".@"\)$| -I\1|' "$1"
    act rm -f "$1.pip"
}

# The account of the daemon has to be able to run it, also where a mode was changed after the installation.
check_program_runs() {
    [ "$dry_run" = no ] || return 0
    if [ "$real" = yes ]; then
        said=$(as "$account" "$place/bin/teleclaude" --version 2>&1)
    else
        said=$("$place/bin/teleclaude" --version 2>&1)
    fi || stop "the program does not run: $(printf '%s\n' "$said" | sed '/^[[:space:]]*$/d' | tail -n 1)" \
        "let every account reach $python and $place, or name another Python in TELECLAUDE_PYTHON"
}

# The links are relative, so that they are right below --root as well.
link_program() {
    case "$platform" in
        Linux) up=../../../opt ;;
        Darwin) up=../opt ;;
    esac
    before=
    [ ! -L "$command" ] || before=$(link_of "$command")
    after=$up/teleclaude/$release/bin/teleclaude
    put_link "$command" "$after"
    put_link "$manual" "../../$up/teleclaude/$release/share/man/man1/teleclaude.1"
    [ "$before" = "$after" ] || remove_releases_before "$before"
}

# LINK TARGET: makes a link of ours, over an older one of ours.
put_link() {
    if [ -L "$1" ] && [ "$(link_of "$1")" = "$2" ]; then
        already "$1"
        return
    fi
    [ -d "$(dirname "$1")" ] || act mkdir -p "$(dirname "$1")"
    act rm -f "$1.new"
    act ln -s "$2" "$1.new"
    act mv -f "$1.new" "$1"
    finished "link $1 to it"
}

# The release before is kept, because a daemon that still runs from it needs its files.
remove_releases_before() {
    for other in "$programs"/*; do
        case "/$1/" in */"$(basename "$other")"/*) continue ;; esac
        is_release "$other" && [ "$other" != "$place" ] || continue
        act rm -rf "$other"
        finished "remove the older program in $other"
    done
}
