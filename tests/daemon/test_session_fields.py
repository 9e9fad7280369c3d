"""A session as the API answers it, made from the columns of the database."""

from datetime import UTC, datetime

import pytest

from teleclaude.daemon.routes.session_fields import ANSWERED, ChangedSession, SessionAnswer


def make_session(**values: object) -> dict[str, object]:
    given = {"session_id": "s", "computer_name": "here", "last_input_origin": "api", "lifecycle_status": "active"}
    return {**{column.key: None for column in ANSWERED}, **given, **values}


def test_fields_that_are_named_otherwise_come_from_their_columns() -> None:
    moment = datetime(2026, 3, 15, tzinfo=UTC)
    answer = SessionAnswer.model_validate(make_session(last_message_sent="hello", last_message_sent_at=moment))
    assert (answer.computer, answer.status, answer.last_input) == ("here", "active", "hello")
    assert answer.last_input_at == "2026-03-15T00:00:00+00:00"


@pytest.mark.parametrize(("summary", "raw", "told"), [("short", "long", "short"), (None, "long", "long"), (None,) * 3])
def test_without_a_summary_the_summary_is_the_last_output(
    summary: str | None, raw: str | None, told: str | None
) -> None:
    answer = SessionAnswer.model_validate(make_session(last_output_summary=summary, last_output_raw=raw))
    assert answer.last_output_summary == told


def test_a_session_without_visibility_is_private_and_metadata_that_is_no_object_is_not_told() -> None:
    answer = SessionAnswer.model_validate(make_session(session_metadata=["no", "object"]))
    assert (answer.visibility, answer.session_metadata) == ("private", None)


def test_a_change_holds_the_columns_of_the_fields_that_were_sent_and_no_others() -> None:
    changed = ChangedSession(session_id="s", status="closing", last_input=None)
    wanted = {"session_id": "s", "lifecycle_status": "closing", "last_message_sent": None}
    assert changed.model_dump(by_alias=True, exclude_unset=True) == wanted
