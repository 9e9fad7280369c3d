"""The description of the API in OpenAPI 3.1, made from the table of routes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Literal

from pydantic import TypeAdapter

from teleclaude import __version__
from teleclaude.daemon.identity import Role
from teleclaude.daemon.route import Refusal, Route

_WRITTEN: Literal["serialization"] = "serialization"

_REFUSALS = (400, 401, 403, 404, 409, 413, 417, 500, 503, 504)
"""The statuses with which any route may answer a `Refusal`."""

_Schema = dict[str, Any]


def describe(routes: Sequence[Route[Any]]) -> _Schema:
    """Return the description of these routes."""
    adapters: dict[Any, TypeAdapter[Any]] = {route: route.adapter for route in routes}
    adapters[Refusal] = TypeAdapter(Refusal)
    written = ((key, _WRITTEN, adapter) for key, adapter in adapters.items())
    schemas, shared = TypeAdapter.json_schemas(written, ref_template="#/components/schemas/{model}")
    refused = _json(schemas[Refusal, _WRITTEN])
    refusals = {str(status): {"description": HTTPStatus(status).phrase, "content": refused} for status in _REFUSALS}
    paths: dict[str, _Schema] = {}
    for route in routes:
        answer = {"description": HTTPStatus(route.status).phrase, "content": _json(schemas[route, _WRITTEN])}
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


def _describe_input(route: Route[Any]) -> _Schema:
    taken = route.input.model_json_schema()
    required = set(taken.get("required", ()))
    fields: dict[str, _Schema] = taken.get("properties", {})
    others = {name: schema for name, schema in fields.items() if name not in route.in_path}
    operation: _Schema = {
        "operationId": route.method.lower() + route.path.translate({ord("/"): "_", ord("{"): "by_", ord("}"): None}),
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


def _parameter(name: str, place: str, schema: _Schema, required: bool) -> _Schema:
    return {"name": name, "in": place, "required": required, "schema": schema}


def _json(schema: _Schema) -> _Schema:
    return {"application/json": {"schema": schema}}
