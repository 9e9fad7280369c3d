"""The description of the API in OpenAPI 3.1, made from the table of routes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from pydantic.json_schema import models_json_schema

from teleclaude import __version__
from teleclaude.daemon.identity import Role
from teleclaude.daemon.route import Failure, Route

_REFERENCE = "#/components/schemas/{model}"

_FAILURES = (400, 401, 403, 404, 409, 413, 500, 503, 504)
"""What any route may answer instead, each a `Failure`."""

Schema = dict[str, Any]

_FAILURE = {"application/json": {"schema": {"$ref": _REFERENCE.format(model="Failure")}}}
_FAILED = {str(status): {"description": HTTPStatus(status).phrase, "content": _FAILURE} for status in _FAILURES}


def describe(routes: Sequence[Route[Any]]) -> Schema:
    """Return the description of these routes."""
    schemas: dict[str, Schema] = {}
    _, shared = models_json_schema([(Failure, "serialization")], ref_template=_REFERENCE)
    schemas |= shared.get("$defs", {})
    paths: dict[str, Schema] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "TeleClaude",
            "version": __version__,
            "description": "Answered on a Unix socket only; who calls is told by the socket's peer credentials.",
        },
        "paths": paths,
        "components": {"schemas": dict(sorted(schemas.items()))},
    }


def _operation(route: Route[Any], schemas: dict[str, Schema]) -> Schema:
    taken = _keep(route.input.model_json_schema(ref_template=_REFERENCE), schemas)
    required = set(taken.get("required", ()))
    fields: dict[str, Schema] = taken.get("properties", {})
    in_path = [_parameter(name, "path", fields[name], True) for name in route.in_path]
    others = {name: schema for name, schema in fields.items() if name not in route.in_path}
    success: Schema = {"description": HTTPStatus(route.status).phrase, "content": _json(_answer(route, schemas))}
    operation: Schema = {
        "operationId": _operation_id(route),
        "summary": route.summary,
        "description": f"Roles: {', '.join(role for role in Role if role in route.roles)}.",
        "parameters": in_path,
        "responses": {str(route.status): success, **_FAILED},
    }
    if route.takes_body:
        body = {"type": "object", "properties": others, "required": sorted(required - set(route.in_path))}
        operation["requestBody"] = {"required": True, "content": _json({**body, "additionalProperties": False})}
    else:
        operation["parameters"] += [_parameter(name, "query", others[name], name in required) for name in others]
    return operation


def _operation_id(route: Route[Any]) -> str:
    return route.method.lower() + route.path.replace("/", "_").replace("{", "by_").replace("}", "")


def _answer(route: Route[Any], schemas: dict[str, Schema]) -> Schema:
    return _keep(route.adapter.json_schema(ref_template=_REFERENCE, mode="serialization"), schemas)


def _keep(schema: Schema, schemas: dict[str, Schema]) -> Schema:
    """Put the shared parts of a schema where all are, and return the rest."""
    schemas |= schema.pop("$defs", {})
    return schema


def _parameter(name: str, place: str, schema: Schema, required: bool) -> Schema:
    return {"name": name, "in": place, "required": required, "schema": schema}


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}
