"""A text that is looked at for secrets takes as long as it is long, whatever stands in it."""

import time

import pytest

from teleclaude.config.secrecy import has_secret, named_secrets

PIECES = ("x", "X", "-", "a-", "a.", "a+", "=", "key", "token", "my-token-", "?", "?key", "http", "http://", "a://b:")


@pytest.mark.parametrize("piece", PIECES)
def test_a_long_word_is_looked_at_from_its_beginning_alone(piece: str) -> None:
    text = piece * (40_000 // len(piece))
    begun = time.process_time()
    has_secret(f"?{text} ", ())
    list(named_secrets(text))
    assert time.process_time() - begun < 2
