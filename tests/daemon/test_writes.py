"""What is declared of the daemon's writing is what it writes: nothing less, and nothing more."""

import os
import pwd
import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Engine, event, insert

from teleclaude.config.schema import Person
from teleclaude.daemon.hourly import close_idle_sessions, expire_audit_log
from teleclaude.daemon.outbox import MOMENTS, DeliveryError, deliver, deliver_due, release
from teleclaude.daemon.routes.session_fields import ChangedSession
from teleclaude.daemon.writes import WRITES, Writes
from teleclaude.db.models import HookOutbox
from tests.support.house import NOW, House, opened, put_sessions, row

STATEMENT = re.compile(r"(INSERT INTO|UPDATE|DELETE FROM) (\w+)(?: SET (.*?) WHERE)?", re.DOTALL)


@contextmanager
def writing(engine: Engine) -> Iterator[dict[str, Writes]]:
    """Collect what the statements of an engine write, by table."""
    adds: set[str] = set()
    removes: set[str] = set()
    changes: defaultdict[str, set[str]] = defaultdict(set)

    def look(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if found := STATEMENT.match(statement):
            verb, table, values = found.groups()
            (adds if verb == "INSERT INTO" else removes if verb == "DELETE FROM" else set()).add(table)
            # An INSERT, too, may change a row that is there.
            updated = values or statement.partition("DO UPDATE SET")[2]
            changes[table].update(re.findall(r"(\w+) ?= ?(?:\?|\$|now|CURRENT|NULL)", updated))

    seen: dict[str, Writes] = {}
    event.listen(engine, "before_cursor_execute", look)
    yield seen
    event.remove(engine, "before_cursor_execute", look)
    for table in adds | removes | set(changes):
        seen[table] = Writes(table in adds, table in removes, frozenset(changes[table]))


async def fail(*_given: Any) -> None:
    raise DeliveryError("not now")


async def do_everything(house: House) -> None:
    """Ask for everything that changes something, and let the outbox do all that it does."""
    names = set(ChangedSession.model_fields) - {"session_id", "session_metadata", "status", "visibility"}
    changes = {**dict.fromkeys(names, "new"), "session_metadata": {}, "status": "headless", "visibility": "shared"}
    hooks = ("session_start", *MOMENTS, "other")
    payload = {"session_id": "native", "transcript_path": "/x", "prompt": "do it", "last-assistant-message": "done"}
    requests = [
        ("POST", "/sessions", {"session_id": "made"}),
        ("PATCH", "/sessions/made", changes),
        ("GET", "/sessions/other", None),
        *(("POST", "/hooks", {"session_id": "made", "event_type": name, "payload": payload}) for name in hooks),
        ("PUT", "/system-settings/key", {"value": "1"}),
        ("POST", "/api/memory/save", {"text": "a thing"}),
        ("DELETE", "/api/memory/1", None),
    ]
    for method, path, body in requests:
        status, answer = await house.ask(method, path, body)
        assert status < 300, answer
    await release(house.service)
    await deliver_due(house.service, deliver)
    await house.ask("POST", "/hooks", {"session_id": "made", "event_type": "other"})
    await deliver_due(house.service, fail)
    await house.ask("DELETE", "/sessions/made")
    await close_idle_sessions(house.service)
    await expire_audit_log(house.service)
    await house.ask("POST", "/hooks", {"session_id": "other", "event_type": "other"})


async def test_what_the_daemon_writes_is_declared_and_what_is_declared_it_writes(target: URL) -> None:
    account = pwd.getpwuid(os.geteuid()).pw_name
    admin = Person(name="Ada", email="ada@example.com", username=account, role="admin")
    async with opened(target, [admin]) as house:
        await put_sessions(house, row("other", "Bob", 4))
        async with house.engine.begin() as connection:
            await connection.execute(
                insert(HookOutbox).values(session_id="other", event_type="x", payload={}, created_at=NOW)
            )
        with writing(house.engine.sync_engine) as seen:
            await do_everything(house)
    assert seen == WRITES
