"""The API is what its description and its page say."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from teleclaude.daemon import answering, api, budget, connection, gate, route
from teleclaude.daemon.identity import Role
from teleclaude.daemon.openapi import describe
from teleclaude.daemon.outbox import MOMENTS, TEXTS
from teleclaude.daemon.routes import COMPARED, ROUTES, sessions
from teleclaude.db.store import lengths
from teleclaude.db.url import parse_url
from tests.support.house import House, opened

PAGE = (Path(__file__).parents[2] / "docs/api.md").read_text()
DESCRIPTION = describe(ROUTES)
TYPES: dict[str, Any] = {
    "string": str,
    "integer": int,
    "boolean": bool,
    "object": dict,
    "array": list,
    "null": type(None),
    "number": (int, float),
}


def misfits(value: Any, schema: dict[str, Any], place: str = "$") -> list[str]:
    """Return what of a value its schema does not allow, in the words of JSON Schema that the description uses."""
    if "$ref" in schema:
        return misfits(value, DESCRIPTION["components"]["schemas"][schema["$ref"].rpartition("/")[2]], place)
    if "anyOf" in schema:
        tried = [misfits(value, each, place) for each in schema["anyOf"]]
        return [] if [] in tried else tried[0]
    wrong = [place] if not isinstance(value, TYPES.get(schema.get("type", ""), object)) else []
    wrong += [place] if value not in schema.get("enum", [value]) or value != schema.get("const", value) else []
    if isinstance(value, list):
        return wrong + [each for item in value for each in misfits(item, schema.get("items", {}), f"{place}[]")]
    if isinstance(value, dict):
        known, other = schema.get("properties", {}), schema.get("additionalProperties", {})
        wrong += [f"{place}.{name} is missing" for name in schema.get("required", ()) if name not in value]
        wrong += [f"{place}.{name} is unknown" for name in value if known and name not in known]
        for name, item in value.items():
            wrong += misfits(item, known.get(name, other if isinstance(other, dict) else {}), f"{place}.{name}")
    return wrong


def test_every_route_is_described_and_every_one_described_exists() -> None:
    described = {(method.upper(), path) for path, methods in DESCRIPTION["paths"].items() for method in methods}
    assert described == {(route.method, route.path) for route in ROUTES}
    assert len(described) == len(ROUTES)


def test_the_description_is_whole() -> None:
    assert DESCRIPTION["openapi"].startswith("3.1")
    names = re.findall(r"'\$ref': '#/components/schemas/([^']+)'", str(DESCRIPTION))
    assert set(names) <= set(DESCRIPTION["components"]["schemas"])
    ids = [operation["operationId"] for methods in DESCRIPTION["paths"].values() for operation in methods.values()]
    assert len(set(ids)) == len(ids)
    for path, methods in DESCRIPTION["paths"].items():
        for operation in methods.values():
            named = {each["name"] for each in operation["parameters"] if each["in"] == "path"}
            assert named == set(re.findall(r"\{(\w+)\}", path))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(parse_url(f"sqlite:///{tmp_path / 'x.db'}")) as house:
        yield house


ASKED: list[tuple[str, str, str, Any]] = [
    ("GET", "/health", "/health", None),
    ("GET", "/auth/whoami", "/auth/whoami", None),
    ("GET", "/openapi.json", "/openapi.json", None),
    ("POST", "/sessions", "/sessions", {"session_id": "s", "title": "x", "session_metadata": {"job": "x"}}),
    ("GET", "/sessions", "/sessions", None),
    ("GET", "/sessions/{session_id}", "/sessions/s", None),
    ("PATCH", "/sessions/{session_id}", "/sessions/s", {"title": None}),
    ("POST", "/hooks", "/hooks", {"session_id": "s", "event_type": "tool_use"}),
    ("DELETE", "/sessions/{session_id}", "/sessions/s", None),
    ("POST", "/api/memory/save", "/api/memory/save", {"text": "needle", "facts": ["a"]}),
    ("GET", "/api/memory/search", "/api/memory/search?query=needle", None),
    ("GET", "/api/memory/timeline", "/api/memory/timeline?anchor=1", None),
    ("POST", "/api/memory/batch", "/api/memory/batch", {"ids": [1]}),
    ("GET", "/api/memory/inject", "/api/memory/inject?projects=teleclaude", None),
    ("DELETE", "/api/memory/{id}", "/api/memory/1", None),
    ("GET", "/api/mirrors/search", "/api/mirrors/search?q=x", None),
    ("GET", "/audit", "/audit?since=2026-01-01T00:00:00Z", None),
    ("PUT", "/system-settings/{key}", "/system-settings/k", {"value": "v"}),
    ("GET", "/settings", "/settings", None),
    ("GET", "/system-settings", "/system-settings", None),
    ("GET", "/system-settings/{key}", "/system-settings/k", None),
]


async def test_every_route_answers_as_it_is_described(house: House) -> None:
    assert {(method, path) for method, path, _, _ in ASKED} == {(route.method, route.path) for route in ROUTES}
    for method, path, target, body in ASKED:
        status, answer = await house.ask(method, target, body)
        responses = DESCRIPTION["paths"][path][method.lower()]["responses"]
        assert status < 300, (target, answer)
        assert misfits(answer, responses[str(status)]["content"]["application/json"]["schema"]) == [], target
        assert answer != [] or path in ("/api/mirrors/search", "/audit")


async def test_every_refusal_answers_as_it_is_described(house: House) -> None:
    for method, path, target, _ in ASKED:
        status, answer = await house.ask(method, re.sub(r"/(s|k|1)$", "/%00", target).replace("?", "?limit=no&"), [])
        if status >= 400:
            schema = DESCRIPTION["paths"][path][method.lower()]["responses"][str(status)]
            assert misfits(answer, schema["content"]["application/json"]["schema"]) == []


def test_what_fits_no_description_is_noticed() -> None:
    schema = {"$ref": "#/components/schemas/Observation"}
    assert misfits({"id": "1", "more": 1}, schema) != []


def test_the_page_has_the_routes_and_roles_of_the_table() -> None:
    section = PAGE.split("\n## Routes\n")[1].split("\n### ")[0]
    rows = re.findall(r"^\| `([A-Z]+) (/\S*)` \| ([^|]+) \| ([^|]+) \|$", section, re.M)
    table = [(r.method, r.path, ", ".join(role for role in Role if role in r.roles), r.summary) for r in ROUTES]
    assert rows == table


def test_the_page_says_how_every_route_of_the_single_user_daemon_was_compared() -> None:
    rows = re.findall(r"^\| `([A-Z]+ /\S*)` \| (same|more|not compared) \|", PAGE, re.M)
    assert dict(rows) == COMPARED
    assert set(COMPARED) <= {f"{route.method} {route.path}" for route in ROUTES}


def test_the_page_has_the_limits_of_the_code() -> None:
    section = PAGE.split("\n## Limits\n")[1].split("\n## ")[0]
    assert [int(number) for number in re.findall(r"\| (\d+)(?: bytes)? \|$", section, re.M)] == [
        api.MOST_BYTES,
        connection.LONGEST_LINE,
        connection.MOST_HEADERS,
        1,
        500,
        lengths.LONGEST_TEXT,
        route.LONGEST_DOCUMENT,
        sessions.MOST_SESSIONS,
        connection.IDLE_SECONDS,
        connection.CONNECTION_SECONDS,
        answering.REQUEST_SECONDS,
        budget.SHARE_SECONDS,
        gate.MOST_CONNECTIONS,
        gate.MOST_UNKNOWN,
        api.TURNS,
        budget.BUDGET,
        lengths.LONGEST_TEXT,
    ]


def test_the_page_has_the_events_that_change_a_session() -> None:
    assert all(f"`{kind}`" in PAGE for kind in {*MOMENTS, *TEXTS})
