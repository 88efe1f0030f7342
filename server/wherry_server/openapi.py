"""The OpenAPI 3.1 document, made from the operations table and the annotations of the messages."""

from __future__ import annotations

import re
import types
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, Union, cast, get_args, get_origin

from wherry.storage.shapes import REQUIRED, Field, fields_of
from wherry_server.job_text import members
from wherry_server.operations import Operation

Schema = dict[str, Any]

_PLAIN: Mapping[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    types.NoneType: {"type": "null"},
    Any: {},
}

_PROBLEM: Schema = {
    "type": "object",
    "description": "RFC 9457.  `code` is stable and meant for programs; more members give the facts.",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What happened and what to do."},
        "code": {"type": "string"},
    },
    "required": ["type", "title", "status", "detail", "code"],
}

_INFO = (
    "Payloads of the verbs are JSON text inside strings, so that integers beyond 2**53 survive. "
    "Verbs may be repeated as they were: a lost reply loses nothing."
)


def document(operations: Iterable[Operation], version: str) -> Schema:
    """The whole document."""
    schemas: dict[str, Schema] = {"Problem": _PROBLEM}
    schemas["Job"] = _job(schemas)
    paths: dict[str, Schema] = {}
    for operation in operations:
        if operation.listed:
            paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "wherry", "version": version, "description": _INFO},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(operation: Operation, schemas: dict[str, Schema]) -> Schema:
    content = {operation.media_type: {"schema": _schema(operation.answer, schemas)}}
    found: Schema = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": _describe(operation),
        "parameters": [
            *_path_parameters(operation.path),
            *(_parameter(one, schemas) for one in operation.query),
        ],
        "responses": {
            str(operation.status): {"description": "Done.", "content": content},
            "default": {
                "description": "Refused, nothing was stored.",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
            },
        },
        "security": [] if operation.scopes is None else [{"token": []}],
    }
    if operation.body:
        found["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _object(operation.body, schemas)}},
        }
    return found


def _job(schemas: dict[str, Schema]) -> Schema:
    properties: dict[str, Schema] = {}
    for name, hint, meaning in members():
        properties[name] = _schema(hint, schemas) | ({"description": meaning} if meaning else {})
    said = "Instants are milliseconds since 1970 (`_at_ms`), durations milliseconds (`_ms`)."
    return {"type": "object", "description": said, "properties": properties}


def _describe(operation: Operation) -> str:
    scopes = operation.scopes
    wanted = "No token is needed." if scopes is None else f"Scope: {' or '.join(scopes) or 'any'}."
    return f"{operation.description}\n\n{wanted}".strip()


def _path_parameters(path: str) -> list[Schema]:
    names: list[str] = re.findall(r"{(\w+)}", path)
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _parameter(one: Field, schemas: dict[str, Schema]) -> Schema:
    return {
        "name": one.name,
        "in": "query",
        "required": one.default is REQUIRED,
        "schema": _schema(one.hint, schemas),
    }


def _schema(hint: Any, schemas: dict[str, Schema]) -> Schema:
    """The JSON Schema of an annotation; records are put into `schemas` and referred to."""
    if isinstance(hint, dict):
        return cast("Schema", hint)
    if hint in _PLAIN:
        return dict(_PLAIN[hint])
    if hasattr(hint, "__supertype__"):
        return _schema(hint.__supertype__, schemas)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (Union, types.UnionType):
        return {"anyOf": [_schema(part, schemas) for part in arguments]}
    if origin is Sequence or (origin is tuple and arguments[-1] is Ellipsis):
        return {"type": "array", "items": _schema(arguments[0], schemas)}
    if origin is tuple:
        size = len(arguments)
        items = [_schema(part, schemas) for part in arguments]
        return {"type": "array", "prefixItems": items, "minItems": size, "maxItems": size}
    return _reference(hint, schemas)


def _reference(record: Any, schemas: dict[str, Schema]) -> Schema:
    name = record.__name__
    if name not in schemas:
        schemas[name] = {}
        schemas[name] = _object(fields_of(record), schemas)
    return {"$ref": f"#/components/schemas/{name}"}


def _object(fields: Sequence[Field], schemas: dict[str, Schema]) -> Schema:
    properties: dict[str, Schema] = {}
    for one in fields:
        properties[one.name] = _schema(one.hint, schemas)
        if one.default is not REQUIRED and one.default != ():
            properties[one.name] = properties[one.name] | {"default": one.default}
    required = [one.name for one in fields if one.default is REQUIRED]
    return {"type": "object", "properties": properties} | ({"required": required} if required else {})
