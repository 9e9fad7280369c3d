"""Everything of an old installation is moved or left, and each has a reason."""

from dataclasses import replace
from pathlib import Path

from teleclaude.migration.plan.old_files import LEFT, MOVED, UNKNOWN, find_leftovers, find_old_files
from teleclaude.migration.source.installation import DocFile, SourceDatabase, SourceFile
from teleclaude.migration.source.inventory import Inventory, Service
from teleclaude.migration.source.known_files import CHECKOUT_ENTRIES, HOME_ENTRIES
from teleclaude.platform.names import Unit

HOME, CHECKOUT = Path("/home/ada"), Path("/home/ada/teleclaude")


def outcomes(inventory: Inventory, own: tuple[str, ...] = ("Ada",)) -> dict[str, tuple[str, str, str]]:
    return {each.path: (each.outcome, each.to, each.why) for each in find_old_files(inventory, own)}


def database(name: str, *others: tuple[str, str]) -> SourceDatabase:
    path = CHECKOUT / name
    files = (SourceFile(path, "0"), SourceFile(Path(f"{path}-wal"), "1"))
    return SourceDatabase(path, 1000, "in the checkout", path, files, (), (), others)


def test_every_file_has_one_outcome_and_what_is_left_has_a_reason(inventory: Inventory) -> None:
    full = replace(inventory, checkout_entries=tuple(CHECKOUT_ENTRIES), home_entries=(*HOME_ENTRIES, "strange"))
    found = outcomes(full)
    for place, names in ((CHECKOUT, full.checkout_entries), (HOME / ".teleclaude", full.home_entries)):
        for name in names:
            outcome, to, why = found[str(place / name)]
            assert (outcome, to) == (LEFT, "")
            assert why


def test_an_unknown_file_is_left_and_said_to_be_unknown(inventory: Inventory) -> None:
    found = outcomes(replace(inventory, home_entries=("strange",)))
    assert found["/home/ada/.teleclaude/strange"][2] == UNKNOWN[1]


def test_the_database_and_its_wal_are_moved_to_a_target_without_its_password(inventory: Inventory) -> None:
    found = outcomes(replace(inventory, database=database("teleclaude.db"), checkout_entries=("teleclaude.db",)))
    for name in ("teleclaude.db", "teleclaude.db-wal"):
        outcome, to, _ = found[str(CHECKOUT / name)]
        assert outcome == MOVED
        assert "db.example.com/telec" in to
        assert "hidden" not in to


def test_the_database_of_events_goes_to_a_schema_of_its_own(inventory: Inventory) -> None:
    found = outcomes(replace(inventory, events=database("events.db")))
    assert found[str(CHECKOUT / "events.db")][1].endswith(", schema events")


def test_a_second_database_in_the_checkout_is_left(inventory: Inventory) -> None:
    elsewhere = replace(database("x"), path=Path("/srv/teleclaude.db"))
    found = outcomes(replace(inventory, database=elsewhere, checkout_entries=("teleclaude.db",)))
    assert found[str(CHECKOUT / "teleclaude.db")][0] == LEFT


def test_the_files_of_the_configuration_are_moved(inventory: Inventory) -> None:
    found = outcomes(replace(inventory, checkout_entries=("config.yml", ".env", "experiments.yml", "README.md")))
    assert [found[str(CHECKOUT / name)][0] for name in ("config.yml", ".env", "experiments.yml")] == [MOVED] * 3
    assert found[str(CHECKOUT / ".env")][1] == "/etc/teleclaude/secrets.yml"
    assert found[str(CHECKOUT)][0] == LEFT


def test_the_profile_of_the_owner_becomes_the_own_file_and_those_of_others_secrets(inventory: Inventory) -> None:
    people = HOME / ".teleclaude/people"
    names = ("Ada/teleclaude.yml", "Bob/teleclaude.yml", "Bob/notes.md")
    files = tuple(SourceFile(people / name, "0") for name in names)
    found = outcomes(replace(inventory, files=files, home_entries=("people",)))
    own, other, notes = (found[str(people / name)] for name in names)
    assert own[1].startswith("/home/ada/.teleclaude/config.yml;")
    assert other[1] == "/etc/teleclaude/secrets.yml, profiles"
    assert notes[0] == LEFT


def test_shared_snippets_are_moved_and_their_index_is_made_again(inventory: Inventory) -> None:
    snippet, index = DocFile(Path("a.md"), Path("/x/a.md")), DocFile(Path("index.yaml"), Path("/x/index.yaml"))
    found = outcomes(replace(inventory, docs=(snippet,), docs_index=index, home_entries=("docs",)))
    assert found["/home/ada/.teleclaude/docs"][:2] == (MOVED, "/usr/local/share/teleclaude/docs")
    assert found["/home/ada/.teleclaude/docs/index.yaml"][2] == "made again"


def test_a_service_and_what_agents_keep_stay(inventory: Inventory) -> None:
    unit = Service(Unit("teleclaude.service", "", Path("/etc/x.service")), "", running=False, at_boot=True)
    places = (HOME / ".claude/projects", Path("/var/log/instrukt-ai/teleclaude"))
    found = outcomes(replace(inventory, services=(unit,), elsewhere=places))
    assert {found[str(path)][0] for path in (*places, unit.unit.path)} == {LEFT}


def test_leftovers_are_what_was_left_and_the_views_and_triggers_of_others(inventory: Inventory) -> None:
    others = (("view", "mine"), ("trigger", "memory_obs_ai"), ("trigger", "own"))
    seen = replace(
        inventory,
        database=database("teleclaude.db", *others),
        checkout_entries=("logs", "config.yml"),
        docs_left=(("secret.md", "holds a token"),),
    )
    subjects = [left.subject for left in find_leftovers(seen, tuple(find_old_files(seen, ("Ada",))))]
    path = CHECKOUT / "teleclaude.db"
    assert f"view mine in {path}" in subjects
    assert f"trigger own in {path}" in subjects
    assert f"trigger memory_obs_ai in {path}" not in subjects
    assert str(CHECKOUT / "logs") in subjects
    assert str(CHECKOUT / "config.yml") not in subjects
    assert "~/.teleclaude/docs/secret.md" in subjects
