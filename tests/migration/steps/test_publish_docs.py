"""Snippets are copied with references that lead to the copies, and their indexes are built anew."""

from dataclasses import replace
from pathlib import Path

import pytest

from teleclaude.migration.discover.docs import OUTSIDE, find_docs
from teleclaude.migration.discover.installation import list_files
from teleclaude.migration.plan.plan import Plan, make_plan
from teleclaude.migration.report.events import FileResult, LostReference
from teleclaude.migration.source.installation import ConfigFiles, Places
from teleclaude.migration.source.inventory import Inventory
from teleclaude.migration.source.options import Options
from teleclaude.migration.source.privsep import Privsep, closing_privseps
from teleclaude.migration.steps.publish_docs import publish_docs
from tests.support.sample import files_below

NO_FILES = ConfigFiles(Path("/none"), Path("/none"), Path("/none"), Path("/none"))
SNIPPETS = Path(__file__).with_name("snippets")


@pytest.fixture
def plan(inventory: Inventory, tmp_path: Path) -> Plan:
    """Plan the rehearsal of a home whose docs are links into the checkout, as those of a real installation."""
    home, checkout = tmp_path / "home", tmp_path / "home/teleclaude"
    shared, docs = checkout / "docs/global", home / ".teleclaude/docs"
    for source in (path for path in (SNIPPETS / "old").rglob("*") if path.is_file()):
        copy = shared / source.relative_to(SNIPPETS / "old")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(source.read_bytes())
    (shared / "general/policy/keys.md").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    docs.mkdir(parents=True)
    for entry in shared.iterdir():
        (docs / entry.name).symlink_to(entry)
    (docs / "outside").symlink_to(tmp_path)
    found = find_docs(Privsep(), Places(checkout, home))
    seen = replace(
        inventory,
        home=home,
        checkout=checkout,
        private=tmp_path / "private",
        docs=found.files,
        docs_left=found.left,
        docs_index=found.index,
        files=list_files(Privsep(), Places(checkout, home), NO_FILES, (), found.all),
    )
    return make_plan(Options(dry_run=True), seen)


async def test_a_tree_like_the_real_one_is_copied_with_references_that_lead_somewhere(plan: Plan) -> None:
    with closing_privseps():
        events = [event async for event in publish_docs(plan)]
    made = plan.inventory.private / "docs"
    assert files_below(made) == files_below(SNIPPETS / "new")
    place = "/usr/local/share/teleclaude/docs"
    assert {event.path: event.references for event in events if isinstance(event, FileResult) and event.references} == {
        f"{place}/baseline.md": 2,
        f"{place}/general/concept/workbench.md": 1,
        f"{place}/general/policy/commits.md": 12,
        f"{place}/general/procedure/release.md": 1,
        f"{place}/software-development/design/café.md": 1,
        f"{place}/third-party/library/click.md": 1,
    }
    secret = "general/policy/keys.md is left out: line 1 holds a private key or a token"
    assert [event for event in events if isinstance(event, LostReference)] == [
        LostReference(f"{place}/{path}", line, f"{sign}~/.teleclaude/docs/{name}", why)
        for path, line, sign, name, why in [
            ("baseline.md", 3, "@", "general/concept/gone.md", "there is no such snippet"),
            ("general/policy/commits.md", 22, "@", "general/policy/keys.md", secret),
            ("general/policy/commits.md", 23, "@", "outside/notes.md", f"outside is left out: {OUTSIDE}"),
            ("third-party/index.yaml", 10, "", "third-party/library/gone.md", "there is no such snippet"),
        ]
    ]
    digests = {event.path.removeprefix(f"{place}/"): event.sha256 for event in events if isinstance(event, FileResult)}
    assert digests == files_below(made)
