"""The lines of the log, without a daemon."""

import asyncio
import json
import logging
import sys

import pytest

from teleclaude.daemon.logs import JsonLines

SECRET = "hunter2-and-more"


def to_line(name: str, message: str, *arguments: object) -> dict[str, str]:
    line = JsonLines().format(logging.LogRecord(name, logging.INFO, "", 0, message, arguments, None))
    return dict(json.loads(line))


def test_an_event_of_ours_is_logged_with_its_arguments() -> None:
    assert to_line("teleclaude.daemon.serve", "listening on %s", "/run/x")["event"] == "listening on /run/x"


def test_a_message_of_another_package_is_logged_without_its_arguments() -> None:
    assert to_line("sqlalchemy.engine", "executing %s", SECRET)["event"] == "executing %s"


def test_a_record_is_one_line_with_its_time_in_utc_and_its_level() -> None:
    line = to_line("teleclaude", "two\nlines")
    assert line["level"] == "info"
    assert line["time"].endswith("+00:00")


def test_an_exception_is_logged_by_its_type_and_place_alone() -> None:
    try:
        int(SECRET)
    except ValueError:
        record = logging.LogRecord("other", 40, "", 0, "failed with %s", (SECRET,), sys.exc_info())
    line = JsonLines().format(record)
    assert SECRET not in line
    assert json.loads(line)["error"] == ["ValueError"]
    assert "test_logs.py" in json.loads(line)["at"][0]


def test_what_asyncio_says_of_a_task_is_logged_without_what_it_held(caplog: pytest.LogCaptureFixture) -> None:
    loop = asyncio.new_event_loop()
    loop.call_exception_handler({"message": "a task failed", "future": f"<Task exception=ValueError({SECRET})>"})
    loop.close()
    [record] = caplog.records
    assert SECRET in record.getMessage()
    line = JsonLines().format(record)
    assert SECRET not in line
    assert json.loads(line)["event"] == "a task failed"
