"""The cursor of a list: the daemon's signature that the list was noted when its first page was read. Pure.

It names no place in the list and holds no value of it. Nobody else can make one, because the key is never told.
"""

from __future__ import annotations

import hashlib
import hmac

VALID_SECONDS = 600
"""How long later pages may follow the first one; after that, a page counts as a first one."""


def make_cursor(key: bytes, listing: str, now: int) -> str:
    """Return the cursor of a list that was noted now, in seconds; `listing` says whose list of what it is."""
    return f"{now:x}.{_sign(key, listing, f'{now:x}')}"


def is_valid(key: bytes, listing: str, cursor: str, now: int) -> bool:
    """Whether a cursor was made for this list, and not too long ago."""
    moment, _, signature = cursor.partition(".")
    # Only a moment that was signed is a number for certain.
    is_ours = hmac.compare_digest(signature.encode(errors="replace"), _sign(key, listing, moment).encode())
    return is_ours and 0 <= now - int(moment, 16) <= VALID_SECONDS


def _sign(key: bytes, listing: str, moment: str) -> str:
    return hmac.new(key, f"{moment}\0{listing}".encode(errors="replace"), hashlib.sha256).hexdigest()
