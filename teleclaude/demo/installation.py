"""A sample single-user installation: checkout, home, database, configuration, people, snippets."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from textwrap import dedent

from teleclaude.demo.rows import make_rows

_CONFIG = """\
    # The configuration of the sample installation.
    computer:
      name: workshop
      user: ada
      timezone: Europe/Amsterdam
      default_working_dir: ${WORKING_DIR}
      trusted_dirs:
        - {name: projects, desc: coding projects, path: /home/ada/projects}
    telegram:
      trusted_bots: []
    discord:
      enabled: true
      token: ${DISCORD_BOT_TOKEN}
      guild_id: 1178000000000000001
    redis:
      enabled: false
      url: redis://:sample-redis-password@localhost:6379
    agents:
      default: claude
      claude: {enabled: true}
      gemini: {enabled: false}
      codex: {enabled: true}
    tts:
      enabled: true
      service_priority: [openai]
    """

_ENVIRONMENT = """\
    # Secrets of the sample installation; none is real.
    WORKING_DIR=/home/ada/teleclaude
    TELECLAUDE_LOG_LEVEL=INFO
    TELEGRAM_BOT_TOKEN=7001234567:sample-telegram-token
    DISCORD_BOT_TOKEN="sample-discord-token"
    OPENAI_API_KEY=sample-openai-key # for speech
    """

_EVERYONE = """\
    people:
      - {name: Ada, email: ada@example.com, role: admin, username: ada}
      - {name: Bob, email: bob@example.org, role: member, username: bob}
    interests: [ai]
    hooks:
      inbound:
        github: {path: /github, secret: sample-hook-secret}
    """

_PERSONS = {
    "Ada": """\
        creds: {telegram: {user_name: ada_tg, user_id: 123456789}}
        interests: [ai, devtools]
        invite_token: sample-invite-token
        """,
    "Bob": """\
        creds: {discord: {user_id: "42"}}
        """,
}

_SNIPPETS = {
    "general/concept/workbench.md": ("concept", "What the workbench is."),
    "general/policy/commits.md": ("policy", "How we write commits."),
}


@dataclass(frozen=True)
class SampleInstallation:
    """Where the sample lies."""

    checkout: Path
    home: Path

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.checkout / "teleclaude.db"


def make_installation(folder: Path, *, seed: int = 1, sessions: int = 120) -> SampleInstallation:
    """Build a whole installation below `folder`; the same seed gives the same one."""
    sample = SampleInstallation(folder / "checkout", folder / "home")
    state = sample.home / ".teleclaude"
    sample.checkout.mkdir(parents=True)
    state.mkdir(parents=True)
    _make_database(sample.database, seed=seed, sessions=sessions)
    _run_script(state / "events.db", "events.sql")
    write(sample.checkout / "config.yml", _CONFIG)
    write(sample.checkout / ".env", _ENVIRONMENT)
    (state / ".env").symlink_to(sample.checkout / ".env")
    write(state / "teleclaude.yml", _EVERYONE)
    write(state / "projects.yaml", "projects: []\n")
    write(state / "state" / "cron_state.json", '{"jobs": {}}\n')
    for name, text in _PERSONS.items():
        write(state / "people" / name / "teleclaude.yml", text)
    _make_docs(sample)
    return sample


def write(path: Path, text: str) -> None:
    """Write a file with its folders; the text may be indented."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text), encoding="utf-8")


def _make_database(path: Path, *, seed: int, sessions: int) -> None:
    """Write a database in the newest single-user schema with rows in every table."""
    _run_script(path, "single_user.sql")
    with closing(sqlite3.connect(path)) as connection:
        for table, rows in make_rows(seed, sessions).items():
            for row in rows:
                columns, marks = ", ".join(row), ", ".join("?" * len(row))
                insert = f"INSERT INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608
                connection.execute(insert, tuple(row.values()))
        connection.commit()


def _run_script(path: Path, script: str) -> None:
    """Make a database by one of our own SQL scripts."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(files("teleclaude.demo").joinpath(script).read_text(encoding="utf-8"))


def _make_docs(sample: SampleInstallation) -> None:
    """Put the snippets into the checkout and link them from the home, as real installations do."""
    source = sample.checkout / "docs" / "global"
    for name, (kind, about) in _SNIPPETS.items():
        place = Path(name)
        front = f"---\nid: {place.with_suffix('')}\ntype: {kind}\nscope: global\ndescription: {about}\n---\n"
        write(source / place, f"{front}\n# {place.stem.title()} — {kind.title()}\n\n{about}\n")
    write(source / "baseline.md", "# Baseline\n")
    write(source / "index.yaml", "project_root: ~/.teleclaude\nsnippets_root: ~/.teleclaude/docs\nsnippets: []\n")
    docs = sample.home / ".teleclaude" / "docs"
    docs.mkdir()
    for entry in sorted(source.iterdir()):
        (docs / entry.name).symlink_to(entry)
