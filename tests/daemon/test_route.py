"""The types that every route is made of."""

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from teleclaude.daemon.route import EVERYONE, Call, Input, Moment, Nothing, Route


class Given(Input):
    """An input of the tests."""

    deep: dict[str, Any]


async def answer(call: Call[Nothing]) -> None:
    """Say nothing.

    At length.
    """


@pytest.mark.parametrize("deep", [{"a": ["b\0"]}, {"a\0": 1}, {"a": {"b": float("inf")}}, {"a": [float("nan")]}])
def test_a_value_that_no_database_holds_is_refused_at_any_depth(deep: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="cannot be stored"):
        Given(deep=deep)


def test_what_a_database_holds_is_taken() -> None:
    assert Given(deep={"a": ["ü", 1.5, None, {"b": True}]}).deep["a"][0] == "ü"


def test_a_moment_is_told_in_utc() -> None:
    moment = datetime(2026, 3, 15, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    assert TypeAdapter(Moment).validate_python(moment) == "2026-03-14T23:30:00+00:00"
    assert TypeAdapter(Moment).validate_python(None) is None


def test_a_route_reads_its_fields_from_the_path_and_its_summary_from_its_handler() -> None:
    route: Route[Nothing] = Route("PATCH", "/a/{one}/b/{two}", EVERYONE, Nothing, type(None), answer)
    assert (route.in_path, route.takes_body, route.summary) == (("one", "two"), True, "Say nothing.")
