"""A command that changes what refers to the old installation, and the one that takes it back, come from facts alone."""

from dataclasses import replace
from pathlib import Path

import pytest

from teleclaude.migration.plan.cutover import (
    account_name,
    find_cutover,
    is_whole_command,
    keeps_other_paths,
    kept_file,
    make_file_items,
    make_service_item,
    to_jq,
)
from teleclaude.migration.source.installation import Account
from teleclaude.migration.source.inventory import Inventory, Kind, Reference, Service
from teleclaude.platform.names import LINUX, Unit

LINE = Reference(Kind.SHELL, Path("/home/ada/.bashrc"), "telec", (3, 3), text="alias telec=/old/bin/telec")
UNIT = Service(
    Unit("mine.service", "systemctl --user", Path("/etc/mine.service")), "python", running=False, at_boot=False
)


@pytest.mark.parametrize(
    ("keys", "way"),
    [
        (("hooks", "Stop", 0, "hooks"), ".hooks.Stop[0].hooks"),
        (("größer",), '.["gr\\u00f6\\u00dfer"]'),
        (("a b", 1), '.["a b"][1]'),
        ((0,), ".[0]"),
        ((), "."),
    ],
)
def test_the_path_of_a_value_is_one_that_jq_reads(keys: tuple[str | int, ...], way: str) -> None:
    assert to_jq(keys) == way


@pytest.mark.parametrize(
    ("running", "at_boot", "needed", "back"),
    [
        (True, True, True, "systemctl --user unmask mine.service && systemctl --user enable --now mine.service"),
        (True, False, True, "systemctl --user unmask mine.service && systemctl --user start mine.service"),
        (False, True, True, "systemctl --user unmask mine.service && systemctl --user enable --now mine.service"),
        (False, False, False, ""),
    ],
)
def test_a_unit_goes_back_to_the_state_that_it_had(running: bool, at_boot: bool, needed: bool, back: str) -> None:
    item = make_service_item(replace(UNIT, running=running, at_boot=at_boot), LINUX)
    assert (item.needed, item.undo) == (needed, back)
    assert bool(item.command) is needed


def test_the_old_daemon_that_was_disabled_for_the_migration_starts_at_boot_again() -> None:
    item = make_service_item(replace(UNIT, unit=replace(UNIT.unit, name="teleclaude.service")), LINUX)
    assert item.command == ""
    assert item.undo.endswith(" && systemctl --user enable --now teleclaude.service")


def test_a_unit_of_a_package_is_masked_and_one_in_etc_is_only_disabled() -> None:
    path = Path("/usr/lib/systemd/system/mine.service")
    of_package = replace(UNIT, unit=replace(UNIT.unit, path=path), at_boot=True)
    item = make_service_item(of_package, LINUX)
    assert item.command == "systemctl --user disable --now mine.service && systemctl --user mask mine.service"
    assert item.undo.startswith("systemctl --user unmask mine.service && ")
    in_etc = make_service_item(replace(UNIT, at_boot=True), LINUX)
    assert in_etc.command == "systemctl --user disable --now mine.service"


def test_all_of_one_file_is_changed_by_one_command() -> None:
    items = list(make_file_items([LINE, replace(LINE, lines=(7, 9))], None))
    assert len({item.command for item in items}) == 1
    assert "-e '3s/^/: # /' -e '7,9s/^/: # /'" in items[0].command
    assert [item.place for item in items] == ["line 3", "line 7-9"]


def test_a_file_with_one_unclear_place_is_left_to_a_person() -> None:
    unclear = replace(LINE, text="if true; then", lines=(7, 7))
    items = list(make_file_items([LINE, unclear], None))
    assert [(item.command, item.undo) for item in items] == [("", ""), ("", "")]
    assert items[1].hint == "edit /home/ada/.bashrc, line 7: remove what refers to the old installation"


def test_what_is_commented_out_needs_no_command_and_says_how_to_undo_it() -> None:
    [item] = make_file_items([replace(LINE, kind=Kind.CRON, active=False)], None)
    assert (item.needed, item.command, item.place) == (False, "", "line 3, commented out")
    assert "line 3 of /home/ada/.bashrc" in item.hint


def test_a_link_is_removed_and_made_again_to_where_it_pointed() -> None:
    [item] = make_file_items([Reference(Kind.LINK, Path("/home/ada/my bin"), "x", text="/old/bin/telec")], None)
    assert item.command == "rm '/home/ada/my bin'"
    assert item.undo == "test -L '/home/ada/my bin' || ln -s /old/bin/telec '/home/ada/my bin'"


def test_old_content_is_kept_under_a_name_that_no_cron_and_no_shell_reads() -> None:
    assert kept_file(LINE) == Path("/home/ada/.bashrc.single-user")
    table = replace(LINE, crontab="ada", home=Path("/home/ada"))
    assert kept_file(table) == Path("/home/ada/.crontab.single-user")


@pytest.mark.parametrize(
    ("path", "account", "begins"),
    [
        ("/home/ada/.bashrc", None, "test -e"),
        ("/home/ada/.bashrc", "ada", "sudo -u ada sh -c"),
        ("/etc/profile.d/x.sh", "ada", "sudo sh -c"),
    ],
)
def test_a_file_is_changed_with_the_rights_of_whoever_owns_its_place(
    inventory: Inventory, path: str, account: str | None, begins: str
) -> None:
    of = Account(1000, 1000, (), (), account) if account else None
    [item] = find_cutover(replace(inventory, account=of, references=(replace(LINE, path=Path(path)),)))
    assert item.command.startswith(begins)
    assert item.undo.startswith(begins.removesuffix(" -e"))


def test_an_account_without_a_name_is_named_by_its_number(inventory: Inventory) -> None:
    assert account_name(replace(inventory, account=Account(1234, 1234, (), ()))) == "#1234"
    assert account_name(inventory) is None


@pytest.mark.parametrize(
    ("line", "whole"),
    [
        ("alias a=b", True),
        ("if x; then y; fi", True),
        ("if x; then", False),
        ("fi", False),
        ("a && ", False),
        ("'a", False),
    ],
)
def test_only_a_whole_command_can_be_taken_out(line: str, whole: bool) -> None:
    assert is_whole_command(line) is whole


@pytest.mark.parametrize(
    ("line", "kept"),
    [('export PATH="/old/bin:$PATH"', False), ('PATH="/old/bin:/other:$PATH"', True), ("alias a=/x:/y", False)],
)
def test_a_line_that_also_puts_other_folders_on_the_path_is_known(line: str, kept: bool) -> None:
    assert keeps_other_paths(line) is kept
