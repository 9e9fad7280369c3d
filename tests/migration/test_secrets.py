"""Every secret of an installation is in secrets.yml, in the user's own file or in the database, and nowhere else."""

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
import yaml
from sqlalchemy import URL

from teleclaude.config.edit import same
from teleclaude.config.layers import expand, override, resolve
from teleclaude.config.parse import parse_env
from teleclaude.config.sections import IGNORED_SECTIONS
from teleclaude.demo.installation import SampleInstallation, write
from teleclaude.migration.source.options import Options
from tests.support.command import to_arguments
from tests.support.sample import query

CONFIG = """\
    # The workshop, kept.
    # Before May the discord token was marker00zq, see the wiki.
    computer: {name: workshop, timezone: Europe/Paris}  # a kept comment
    discord:
      enabled: true
      token: marker01zq      # repeats marker01zq
      # token: marker02zq
      Nested: [[{ApiToken: marker03zq}], {deep: {CLIENT-SECRET: marker04zq}}]
      webhook: https://discord.com/api/webhooks/1178000000000000001/marker05zq
    whatsapp: {access_token: marker06zq, webhook_secret: marker07zq, verify_token: 70080070080}
    redis: {url: "redis://:marker09zq@localhost:6379/0?password=marker10zq", password: marker11zq}
    slack: https://hooks.slack.com/services/T000/B000/marker12zq
    bot: https://api.telegram.org/bot7001234567:marker13zq/getMe
    repository: git+https://marker14zq@github.com/ada/x.git
    stream: wss://ada:marker15zq@host/path#access_token=marker16zq
    mcp_servers:
      github:
        command: npx
        args: [-y, server, --api-key, marker17zq, "--token=marker18zq"]
        env: {GITHUB_SOMETHING: marker19zq}
        headers: {X-Custom: marker20zq, Authorization: Bearer marker21zq}
    logins: [{name: API_TOKEN, value: marker22zq}]
    tokens: {marker23zq: ada, marker24zq: bob}
    passwordLike:
      DbPassWord: marker25zq
      my-passphrase: |
        marker26zq
        second line
    pem: |
      -----BEGIN RSA PRIVATE KEY-----
      MIIEowIBAAKCAQEAmarker27zqABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijkl
      -----END RSA PRIVATE KEY-----
    dsn: host=db user=ada password=marker28zq
    note: call with marker01zq
    seconds: 07:30
    shared: &shared {token: marker29zq}
    again: *shared
    creds: {telegram: {user_id: 5}}
    tts: {services: {openai: {params: {api_key: marker30zq}}}}
    polling: {token: marker31zq}
    agents: {default: claude, claude: {enabled: true}}
    where: ${UNKNOWN_ONE} and ${EXPORTED}
    """

ENVIRONMENT = """\
    # OLD_TOKEN=marker40zq
    TELEGRAM_BOT_TOKEN=7001234567:marker41zq
    export DISCORD_BOT_TOKEN="marker42zq"
    OPENAI_API_KEY=marker43zq # marker44zq
    ANTHROPIC_API_KEY='marker45zq'
    ELEVENLABS_API_KEY=marker46zq
    REDIS_PASSWORD=marker47zq
    WHATSAPP_WEBHOOK_SECRET=marker49zq
    BREVO_SMTP_USER=marker50zq
    BREVO_SMTP_PASS=marker51zq
    LIMITLESS_API_KEY=marker52zq
    UNKNOWN_ONE=marker53zq
    TWO_LINES="marker54zq
    marker55zq"
    API_WS_URL=wss://u:marker56zq@host
    HOOK_OUTBOX_TOKEN=marker57zq
    BOTH=${UNKNOWN_ONE}-x
    marker58zq without a sign
    WORKING_DIR=/home/ada/teleclaude
    """

EVERYONE = """\
    # the hook secret is marker60zq
    people:
      - {name: Ada, email: ada@example.com, role: admin, username: ada}
      - {name: Bob, email: bob@example.org, token: marker61zq}
    hooks:
      inbound: {github: {path: /github, verify_token: marker62zq, secret: marker63zq}}
      subscriptions: [{id: "1", target: {url: "https://x/y?sig=marker64zq", secret: marker65zq}}]
    """

PERSONS = {
    "Ada": "invite_token: marker70zq\ninterests: [ai]\nsubscriptions: [{api_key: marker71zq}]  # marker71zq\n",
    "Bob": "invite_token: marker72zq\ncreds: {discord: {user_id: '42'}}\n",
}
DROPPED = {"31", "58"}
"""In sections that nothing reads, in lines that set nothing."""
USERS = {"30", "71"}
"""Settings of the user, who can read them; the comment with the second is in the secrets, with its line."""


@dataclass
class Watch:
    """What processes showed while the migration ran."""

    shown: set[str] = field(default_factory=set)
    modes: set[int] = field(default_factory=set)


@pytest.fixture
def installation(sample: SampleInstallation) -> SampleInstallation:
    state = sample.home / ".teleclaude"
    write(sample.checkout / "config.yml", CONFIG)
    write(sample.checkout / ".env", ENVIRONMENT)
    write(state / "teleclaude.yml", EVERYONE)
    write(sample.checkout / "experiments.yml", "experiments: [{name: x, token: marker80zq}]\n")
    for name, text in PERSONS.items():
        write(state / "people" / name / "teleclaude.yml", text)
    return sample


def shown_by(child: psutil.Process) -> set[str]:
    """Return the command line and the environment of a child; nothing until it runs a program of its own.

    Between fork and exec a child shows those of its parent, to whom the operator may have said a secret. The command
    line is read first: where it is no longer the parent's, the environment that is read after it is the child's.
    """
    parent, words = child.parent(), child.cmdline()
    if parent is None or words in ([], parent.cmdline()):
        return set()
    return {" ".join(words), str(child.environ())}


@contextmanager
def watching(temporary: Path, process: subprocess.Popen[str]) -> Iterator[Watch]:
    """Look at our command lines, at the environments of our children, and at private folders, again and again."""
    watch, done = Watch(), threading.Event()

    def look() -> None:
        # A look goes over every process of the machine; one that starts Python lives several times as long as this.
        while not done.wait(0.03):
            with suppress(psutil.Error):
                ours = psutil.Process(process.pid)
                watch.shown.add(" ".join(ours.cmdline()))
                for child in ours.children(recursive=True):
                    with suppress(psutil.Error):
                        watch.shown |= shown_by(child)
            with suppress(OSError):
                watch.modes |= {stat.S_IMODE(entry.stat().st_mode) for entry in temporary.iterdir() if entry.is_dir()}

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield watch
    finally:
        done.set()
        thread.join()


@dataclass(frozen=True)
class Ran:
    """A migration that was run and watched."""

    code: int
    said: str
    watch: Watch


def run(options: Options, tmp_path: Path, *flags: str, **environ: str) -> Ran:
    temporary = tmp_path / "temporary"
    temporary.mkdir(exist_ok=True)
    (tmp_path / "passwords").touch(0o600)
    url = URL.create("postgresql") if options.target is None else options.target
    assert isinstance(url, str)
    base, _, query_part = url.partition("?")
    head, _, password = base.rpartition("@")[0].rpartition(":")
    bare = head + "@" + base.rpartition("@")[2] + (f"?{query_part}" if query_part else "")
    (tmp_path / "passwords").write_text(f"*:*:*:*:{environ.pop('password', password)}\n")
    words = [bare if word == url else word for word in to_arguments(options)]
    process = subprocess.Popen(
        [sys.executable, "-m", "teleclaude", "migrate-to-system", *words, "--yes", *flags],
        env={**os.environ, "TMPDIR": str(temporary), "PGPASSFILE": str(tmp_path / "passwords"), **environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with (
        closing(process.stdout or sys.stdin),
        closing(process.stderr or sys.stdin),
        watching(temporary, process) as watch,
    ):
        said = "".join(process.communicate())
    assert list(temporary.iterdir()) == []
    return Ran(process.returncode, said, watch)


def markers(text: str) -> set[str]:
    planted = {f"{number:02}" for number in range(100) if f"marker{number:02}zq" in text}
    return planted | ({"08"} if "70080070080" in text else set())


def told_by_files(root: Path) -> dict[str, set[str]]:
    files = (path for path in root.rglob("*") if path.is_file() and path.name != "ledger.jsonl")
    found = {str(path.relative_to(root)): markers(path.read_bytes().decode(errors="replace")) for path in files}
    return {name: told for name, told in found.items() if told}


FORK = """
import os, sys
if os.fork() == 0:
    print("forked", flush=True)
    sys.stdin.read(1)
    program = [sys.executable, "-c", "print('runs', flush=True); import sys; sys.stdin.read()", sys.argv[2]]
    os.execve(sys.executable, program, dict([sys.argv[3].split("=")]))
os.wait()
"""


@pytest.mark.parametrize(("word", "variable"), [("marker01zq", "A=b"), ("word", "A=marker01zq"), ("word", "A=b")])
def test_a_child_shows_its_own_secrets_and_never_those_of_its_parent(word: str, variable: str) -> None:
    command = [sys.executable, "-c", FORK, "marker90zq", word, variable]
    pipe = subprocess.PIPE
    environ = {"EXPORTED": "marker91zq"}
    with subprocess.Popen(command, env=environ, stdin=pipe, stdout=pipe, text=True, bufsize=1) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "forked\n"
        (child,) = psutil.Process(process.pid).children()
        assert shown_by(child) == set()
        process.stdin.write("x\n")
        assert process.stdout.readline() == "runs\n"
        assert markers(str(shown_by(child))) == markers(word + variable)


@pytest.mark.parametrize("flags", [(), ("--json",)])
async def test_planted_secrets_are_in_the_secrets_alone(
    installation: SampleInstallation, options: Options, target: URL, tmp_path: Path, flags: tuple[str, ...]
) -> None:
    assert options.root is not None
    ran = run(options, tmp_path, *flags, EXPORTED="marker90zq", OPENAI_API_KEY="marker91zq")
    assert ran.code == 0, ran.said
    written = [CONFIG, ENVIRONMENT, EVERYONE, *PERSONS.values(), "marker80zq"]
    told = told_by_files(options.root)
    assert told.pop("etc/teleclaude/secrets.yml") == markers("".join(written)) - DROPPED - (USERS - {"71"})
    ((place, of_user),) = told.items()
    assert place.endswith(".teleclaude/config.yml")
    assert of_user >= USERS
    password = str(target.password)
    activities = [
        path for path in options.root.rglob("*") if path.is_file() and password in path.read_text(errors="replace")
    ]
    assert [path.name for path in activities] == ["secrets.yml"]
    for text in (ran.said, *ran.watch.shown):
        assert markers(text) == set()
        assert password not in text
    assert ran.watch.modes == {0o700}
    for place in ("pg_description", "pg_proc", "pg_database", "pg_settings", "pg_stat_activity", "pg_db_role_setting"):
        assert markers(str(await query(target, f"SELECT * FROM {place}"))) == set()
    assert installation.checkout.exists()


async def test_the_new_layers_mean_what_the_old_files_meant(
    installation: SampleInstallation, options: Options, tmp_path: Path
) -> None:
    assert options.root is not None
    assert run(options, tmp_path).code == 0
    places = ("etc/teleclaude/config.yml", "etc/teleclaude/secrets.yml")
    system, secrets = (yaml.safe_load((options.root / place).read_text()) for place in places)
    user_file = next(path for path in options.root.rglob("config.yml") if path.parent.name == ".teleclaude")
    new = resolve(system, secrets, yaml.safe_load(user_file.read_text()), {"EXPORTED": "x"})
    environ = {"HOME": str(installation.home)}
    variables = {**parse_env((installation.checkout / ".env").read_bytes(), Path(".env"), environ), "EXPORTED": "x"}
    old = override(expand(yaml.safe_load((installation.checkout / "config.yml").read_text()), variables), variables)
    for key in old:
        if key not in IGNORED_SECTIONS:
            assert same(new[key], old[key]), key
    for text in ("# The workshop, kept.", "# a kept comment"):
        assert text not in (options.root / places[0]).read_text()
        assert text in (options.root / places[1]).read_text()


@pytest.mark.parametrize("how", ["wrong password", "broken yaml", "broken env", "wrong type", "no such host"])
async def test_a_run_that_fails_tells_no_secret(
    installation: SampleInstallation, options: Options, tmp_path: Path, how: str
) -> None:
    assert options.root is not None
    environ = {}
    match how:
        case "wrong password":
            environ = {"password": "marker99zq"}
        case "no such host":
            environ = {"PGPASSWORD": "marker99zq", "PGHOST": "nowhere.invalid"}
        case "broken yaml":
            write(installation.checkout / "config.yml", "discord: {token: marker01zq]\n")
        case "broken env":
            (installation.checkout / ".env").write_bytes(b"TOKEN=marker41zq\xff\n")
        case "wrong type":
            write(installation.checkout / "config.yml", "agents: [marker01zq]\ncomputer: {name: {token: marker02zq}}\n")
    if how == "no such host":
        options = Options(**{**vars(options), "target": "postgresql://teleclaude:marker99zq@nowhere.invalid/x"})
    ran = run(options, tmp_path, **environ)
    assert ran.code in (3, 4), ran.said
    assert "Traceback" not in ran.said
    for text in (ran.said, *ran.watch.shown):
        assert markers(text) == set()
    assert told_by_files(tmp_path / "root") == {}
