"""The description of the API in OpenAPI 3.1, made from the table of routes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from pydantic import TypeAdapter

from teleclaude import __version__
from teleclaude.daemon.identity import Role
from teleclaude.daemon.route import Refusal, Route

_REFERENCE = "#/components/schemas/{model}"

_REFUSALS = (400, 401, 403, 404, 409, 413, 500, 503, 504)
"""The statuses with which any route may answer a `Refusal`."""

Schema = dict[str, Any]


def describe(routes: Sequence[Route[Any]]) -> Schema:
    """Return the description of these routes."""
    adapters = [(route, "serialization", route.adapter) for route in routes]
    refusal = (Refusal, "serialization", TypeAdapter(Refusal))
    schemas, shared = TypeAdapter.json_schemas([*adapters, refusal], ref_template=_REFERENCE)
    refused = _json(schemas[Refusal, "serialization"])
    refusals = {str(status): {"description": HTTPStatus(status).phrase, "content": refused} for status in _REFUSALS}
    paths: dict[str, Schema] = {}
    for route in routes:
        answer = {"description": HTTPStatus(route.status).phrase, "content": _json(schemas[route, "serialization"])}
        described = {**_describe_input(route), "responses": {str(route.status): answer, **refusals}}
        paths.setdefault(route.path, {})[route.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "TeleClaude",
            "version": __version__,
            "description": "Answered on a Unix socket only; who calls is told by the socket's peer credentials.",
        },
        "paths": paths,
        "components": {"schemas": shared["$defs"]},
    }


def _describe_input(route: Route[Any]) -> Schema:
    taken = route.input.model_json_schema()
    required = set(taken.get("required", ()))
    fields: dict[str, Schema] = taken.get("properties", {})
    others = {name: schema for name, schema in fields.items() if name not in route.in_path}
    operation: Schema = {
        "operationId": _operation_id(route),
        "summary": route.summary,
        "description": f"Roles: {', '.join(role for role in Role if role in route.roles)}.",
        "parameters": [_parameter(name, "path", fields[name], True) for name in route.in_path],
    }
    if route.takes_body:
        body = {"type": "object", "properties": others, "required": sorted(required - set(route.in_path))}
        operation["requestBody"] = {"required": True, "content": _json({**body, "additionalProperties": False})}
    else:
        operation["parameters"] += [_parameter(name, "query", others[name], name in required) for name in others]
    return operation


def _operation_id(route: Route[Any]) -> str:
    return route.method.lower() + route.path.replace("/", "_").replace("{", "by_").replace("}", "")


def _parameter(name: str, place: str, schema: Schema, required: bool) -> Schema:
    return {"name": name, "in": place, "required": required, "schema": schema}


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}
