"""The session of the server that is this daemon's own, so that it can end it after a network has lost it.

The server may notice only after hours that such a session has no client. Until then it holds the lock of the database.
What tells the session from every other one is kept in a file, for the daemon that starts next. The file is locked for
as long as the daemon lives, so that nobody ends the session of a living one.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from sqlalchemy import URL, text
from sqlalchemy.ext.asyncio import AsyncEngine

from teleclaude.db.file_lock import lock_file
from teleclaude.db.lock import ADVISORY_KEY
from teleclaude.errors import LockHeldError

_FILE = "session.json"

_FIND = """
SELECT pid, backend_start::text AS begun, application_name AS name FROM pg_stat_activity JOIN pg_locks USING (pid)
WHERE locktype = 'advisory' AND granted AND (classid::bigint << 32 | objid::bigint) = :key AND application_name = :name
  AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""

_END = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE pid = :pid AND backend_start::text = :begun AND application_name = :name
"""


class OwnSession:
    """The session that held the lock last. `kept` is where it was kept, None where nothing is."""

    def __init__(self, url: URL, kept: Path | None = None) -> None:
        given = url.query.get("application_name", "teleclaude")
        # A random part: a name that somebody else could have would end somebody else's session.
        self.name = f"{str(given)[:40]} {secrets.token_hex(8)}"
        self.url = url.update_query_dict({"application_name": self.name})
        self._kept = kept
        self._last: dict[str, object] | None = None
        with suppress(OSError, ValueError):
            found = json.loads(kept.read_text()) if kept is not None else None
            types = {key: type(value) for key, value in found.items()} if isinstance(found, dict) else {}
            self._last = found if types == {"pid": int, "begun": str, "name": str} else None

    async def end(self, engine: AsyncEngine) -> bool:
        """End the session that held the lock last; False where there is none."""
        if self._last is None:
            return False
        async with engine.begin() as connection:
            return bool(await connection.scalar(text(_END), self._last))

    async def remember(self, engine: AsyncEngine) -> None:
        """Keep which session holds the lock now."""
        async with engine.connect() as connection:
            row = (await connection.execute(text(_FIND), {"key": ADVISORY_KEY, "name": self.name})).first()
        self._last = None if row is None else row._asdict()
        # Without the file only a daemon that starts anew has to wait.
        with suppress(OSError):
            if self._kept is not None:
                self._kept.write_text(json.dumps(self._last))


@contextmanager
def keeping_session(url: URL, state: Path | None) -> Iterator[OwnSession]:
    """Hold the file of the session in the folder of the state; nothing is kept where it cannot be written.

    Nor where another daemon holds it: that one lives, and so its session is nobody's to end.
    """
    with ExitStack() as stack:
        kept = None if state is None else state / _FILE
        try:
            if kept is not None:
                flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
                descriptor = os.open(kept, flags, 0o600)
                stack.callback(os.close, descriptor)
                lock_file(descriptor, kept)
        except (OSError, LockHeldError):
            kept = None
        yield OwnSession(url, kept)
