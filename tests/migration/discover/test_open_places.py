"""Where others than root and the owner can change something, root reads nothing."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from teleclaude.errors import SourceError
from teleclaude.migration.discover import discover
from teleclaude.migration.discover import docs as docs_of
from teleclaude.migration.discover.configuration import copy_config
from teleclaude.migration.discover.docs import find_docs
from teleclaude.migration.discover.installation import find_open_places, find_places
from teleclaude.migration.discover.old_paths import OldPaths
from teleclaude.migration.discover.shells import find_shells
from teleclaude.migration.report.events import Finding
from teleclaude.migration.source.installation import Account, Places
from teleclaude.migration.source.options import Options
from teleclaude.migration.source.privsep import Privsep, closing_privseps, privsep_for
from teleclaude.migration.source.unprivileged import TRUSTED, open_exactly, resolve

USER = 12345
DAEMON = 1
"""A user and a group of which that user is the only member."""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture(autouse=True)
def asked_by_root() -> Iterator[None]:
    """Let this process read as if root had asked it to."""
    before = set(TRUSTED)
    TRUSTED.update({0, os.geteuid()})
    yield
    TRUSTED.clear()
    TRUSTED.update(before)


@pytest.fixture
def all_folders(places: Places) -> Places:
    """Make every folder of an installation, and the files that discovery needs."""
    for folder in places.folders:
        folder.mkdir(parents=True, exist_ok=True)
    (places.checkout / "config.yml").write_text("{}\n")
    return places


def said(places: Places, privsep: Privsep | None = None) -> list[str]:
    found = find_open_places(privsep or Privsep(), places)
    return [f"{problem.message} → {problem.hint}" for problem in found]


@pytest.mark.parametrize("place", range(6))
def test_each_folder_that_everybody_may_write_to_is_named_with_the_remedy(all_folders: Places, place: int) -> None:
    folder = all_folders.folders[place]
    folder.chmod(0o777)
    assert said(all_folders) == [f"everybody can change {folder}, so root does not read it → run: chmod go-w {folder}"]


@as_root
def test_a_folder_on_the_way_that_a_group_may_write_to_is_named(all_folders: Places) -> None:
    around = all_folders.home.parent
    os.chown(around, 0, DAEMON)
    around.chmod(0o2775)
    assert said(all_folders) == [
        f"the group daemon can change {around}, so root does not read it → run: chmod g-w {around}"
    ]


@as_root
async def test_a_checkout_that_a_group_may_write_to_is_refused_before_anything_of_it_is_read(
    all_folders: Places, tmp_path: Path
) -> None:
    os.chown(all_folders.checkout, 0, DAEMON)
    all_folders.checkout.chmod(0o2775)
    options = Options(source=all_folders.checkout, home=all_folders.home, root=tmp_path / "root")
    inventory = await discover(options, "run", tmp_path, {})
    [found] = [each for each in inventory.problems if each.subject == "source"]
    assert found.problem.message == f"the group daemon can change {all_folders.checkout}, so root does not read it"
    assert (inventory.is_found, inventory.config_files) == (False, None)


@as_root
def test_the_private_group_of_the_owner_is_the_owner(all_folders: Places) -> None:
    for path in (all_folders.home, *all_folders.home.rglob("*")):
        os.chown(path, DAEMON, DAEMON)
        path.chmod(0o775)
    all_folders.home.parent.chmod(0o755)
    with closing_privseps():
        account = Account(DAEMON, DAEMON, (DAEMON,), (all_folders.home,))
        assert said(all_folders, privsep_for(account)) == []


@as_root
def test_a_folder_of_somebody_else_inside_the_home_is_named(all_folders: Places) -> None:
    os.chown(all_folders.state / "docs", USER, USER)
    [sentence] = said(all_folders)
    assert sentence.startswith(f"{all_folders.state / 'docs'} belongs to uid {USER}, who is neither root nor the owner")


def test_an_installation_among_the_files_of_everybody_is_not_read_there(tmp_path: Path) -> None:
    places = Places(tmp_path / "shared", tmp_path / "home")
    for folder in places.folders:
        folder.mkdir(parents=True, exist_ok=True)
    places.checkout.chmod(0o1777)
    [sentence] = said(places)
    assert sentence.startswith(f"everybody can put files into {places.checkout}")


@as_root
def test_a_snippet_behind_a_link_of_another_user_or_in_a_folder_of_a_group_is_left_out(all_folders: Places) -> None:
    docs = all_folders.state / "docs"
    (docs / "shared").mkdir()
    (docs / "shared/theirs.md").write_text("x")
    (docs / "shared").chmod(0o777)
    (docs / "ours.md").write_text("x")
    (docs / "linked.md").symlink_to("ours.md")
    os.chown(docs / "linked.md", USER, USER, follow_symlinks=False)
    found = find_docs(Privsep(), all_folders)
    assert [str(doc.relative) for doc in found.files] == ["ours.md"]
    assert dict(found.left) == {"shared": docs_of.CHANGEABLE, "linked.md": docs_of.CHANGEABLE}


@as_root
def test_a_configuration_behind_a_link_of_another_user_is_an_error(all_folders: Places, tmp_path: Path) -> None:
    (tmp_path / "secret.yml").write_text("a: planted")
    person = all_folders.state / "people/Ada"
    person.mkdir()
    (person / "teleclaude.yml").symlink_to(tmp_path / "secret.yml")
    os.chown(person / "teleclaude.yml", USER, USER, follow_symlinks=False)
    files, found = copy_config(Privsep(), all_folders, ["Ada"], tmp_path)
    assert [each.problem.message for each in found] == [
        f"{person / 'teleclaude.yml'} is a link that uid {USER} made, and root does not follow it"
    ]
    assert files.persons == {}


def test_a_configuration_that_everybody_may_write_to_is_an_error(all_folders: Places, tmp_path: Path) -> None:
    # It names the database and other files that root would read.
    config = all_folders.checkout / "config.yml"
    config.chmod(0o666)
    _, found = copy_config(Privsep(), all_folders, [], tmp_path)
    assert [each.problem.hint for each in found] == [f"run: chmod go-w {config}"]


def test_a_folder_of_commands_that_everybody_may_write_to_is_a_warning(
    all_folders: Places, old_paths: OldPaths
) -> None:
    commands = all_folders.home / "bin"
    commands.mkdir()
    commands.chmod(0o777)
    found = [each for each in find_shells(Privsep(), all_folders, old_paths) if isinstance(each, Finding)]
    assert [each.problem.hint for each in found if str(commands) in each.problem.message] == [
        f"run: chmod go-w {commands}"
    ]


def test_a_file_below_a_folder_that_was_opened_since_its_path_was_resolved_is_not_opened(all_folders: Places) -> None:
    real = resolve(all_folders.checkout / "config.yml")
    all_folders.home.chmod(0o777)
    with pytest.raises(SourceError, match=f"everybody can change {all_folders.home}"):
        open_exactly(real, os.O_RDONLY)


@as_root
def test_a_link_to_env_that_another_user_made_does_not_choose_the_checkout(all_folders: Places) -> None:
    (all_folders.checkout / ".env").touch()
    link = all_folders.state / ".env"
    link.symlink_to(all_folders.checkout / ".env")
    assert find_places(Options(home=all_folders.home), {}).checkout == all_folders.checkout
    os.chown(link, USER, USER, follow_symlinks=False)
    assert find_places(Options(home=all_folders.home), {}).checkout == Path.cwd()
