"""The OpenAPI document of an endpoint, made from the signature of the version that serves."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

from mvops.core.signature import Column, Signature
from mvops.core.version import Version
from mvops.serving.keys import PUBLIC
from mvops.serving.problems import MEDIA_TYPE
from mvops.serving.rows import INT64

_YEARS = "^(16(7[89]|[89][0-9])|1[7-9][0-9]{2}|2[01][0-9]{2}|22([0-5][0-9]|6[01]))-"  # as `rows.read_time` takes them
_NO_NUL = "^[^\\u0000]*$"
_TIME = {"type": "string", "format": "date-time", "pattern": _YEARS}
_TYPES: Mapping[str, dict[str, Any]] = {
    "number": {"type": "number"},
    "integer": {"type": "integer", "format": "int64", "minimum": INT64.start, "maximum": INT64.stop - 1},
    "boolean": {"type": "boolean"},
    "category": {"type": "string", "pattern": _NO_NUL},
    "text": {"type": "string", "pattern": _NO_NUL},
    "datetime": _TIME,
}
_FLAW: Mapping[str, Any] = {
    "type": "object",
    "required": ["row", "column", "message"],
    "properties": {"row": {"type": "integer"}, "column": {"type": ["string", "null"]}, "message": {"type": "string"}},
}
_OUTCOMES: Mapping[frozenset[type], dict[str, Any]] = {
    frozenset({int, float}): {"type": "number", "exclusiveMinimum": -(2**63), "exclusiveMaximum": 2**63},
    frozenset({str}): {"type": "string", "pattern": _NO_NUL},
    frozenset({bool}): {"type": "boolean"},
}
_FALLBACK: Mapping[str, Any] = {"number": 0.0, "integer": 0, "boolean": False, "datetime": "2026-01-31T12:00:00Z"}
_SHOWN = 50  # categories named in a description
_PROBLEMS = {
    400: "Not JSON",
    408: "It did not come in time",
    413: "Too large",
    415: "Not application/json",
    422: "A row does not fit the schema",
}
_HEADERS: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("X-Route-Key", {"type": "string"}, "During a canary, requests with the same key get the same version."),
    (
        "Idempotency-Key",
        {"type": "string", "pattern": "^[ -~]{1,200}$"},
        "The same request with the same key, sent again, gets the same answer and is logged once.",
    ),
    ("X-Request-Timeout", {"type": "number", "exclusiveMinimum": 0}, "For how many seconds the answer is waited for."),
)
_TROUBLES = {500: "The model failed", 503: "Come back later", 504: "The model took too long"}


def document(version: Version, max_rows: int, *, keys: bool = False, skips: bool = False) -> dict[str, Any]:
    """OpenAPI 3.1: paths, the schema of a row, and an example request that works; where `keys` are asked for, how.

    Where bad rows are skipped, the answer has null for them, and what is wrong.
    """
    made = _document(version, max_rows)
    if skips:
        reply = made["components"]["schemas"]["Reply"]
        for name in {"predictions", "prediction_ids", "probabilities"} & reply["properties"].keys():
            items = reply["properties"][name]
            items["items"] = {"anyOf": [items["items"], {"type": "null"}]}
        reply["properties"]["errors"] = {"type": "array", "items": _FLAW}
        reply["required"].append("errors")
    if keys:
        schemes = {"bearer": {"type": "http", "scheme": "bearer"}}
        schemes["header"] = {"type": "apiKey", "in": "header", "name": "X-API-Key"}
        made["components"]["securitySchemes"] = schemes
        made["security"] = [{name: []} for name in schemes]
        for path, methods in made["paths"].items():
            for method in methods.values():
                if path in PUBLIC:
                    method["security"] = []
                else:
                    method["responses"] |= _refusals({401: "No key", 429: "Too many wrong keys"})
    return made


def _document(version: Version, max_rows: int) -> dict[str, Any]:
    return {
        "openapi": "3.1.0",
        "info": {"title": version.model, "version": str(version.number)},
        "paths": {
            "/predict": {"post": _predict(example(version))},
            "/outcomes": {"post": _outcomes()},
            "/health/live": {"get": _plain("Whether the process is there", "application/json")},
            "/health/ready": {"get": _plain("Whether requests should come here", "application/json", {503: "Not now"})},
            "/metrics": {"get": _plain("Metrics for Prometheus", "text/plain")},
            "/rollout": {"get": _plain("Counts for each arm, to this machine only", "application/json")},
        },
        "components": {"schemas": _schemas(version, max_rows)},
    }


def example(version: Version) -> dict[str, Any]:
    """A row that the endpoint answers: its entities, and without the features that are looked up by them."""
    looked_up = version.lookup.fields if version.lookup else {}
    columns = [column for column in version.signature.columns if column.name not in looked_up]
    keys = version.lookup.keys if version.lookup else {}
    return {column.name: _example(column) for column in columns} | {name: key.example for name, key in keys.items()}


def _example(column: Column) -> Any:
    if column.example is not None:
        return column.example
    if column.nullable:
        return None
    return column.categories[0] if column.categories else _FALLBACK.get(column.kind, "")


def _column(column: Column) -> dict[str, Any]:
    schema: dict[str, Any] = dict(_TYPES[column.kind])
    if column.nullable:
        schema["type"] = [schema["type"], "null"]
    if column.categories:
        named = ", ".join(column.categories[:_SHOWN])
        more = f" and {len(column.categories) - _SHOWN} more" if len(column.categories) > _SHOWN else ""
        schema["description"] = f"Seen in training: {named}{more}. Others are accepted."
    elif column.low is not None and column.high is not None:
        schema["description"] = f"Seen in training: {column.low:g} to {column.high:g}. Others are accepted."
    return schema


def _row(version: Version) -> dict[str, Any]:
    rows = {column.name: _column(column) for column in version.signature.columns}
    lookup = version.lookup
    if lookup is None:
        return _object(rows)
    for field, name in lookup.fields.items():
        said = f"Looked up in {name} by {' and '.join(lookup.views[name].entities)}, if left out."
        rows[field]["description"] = " ".join([said, rows[field].get("description", "")]).strip()
    for name, key in lookup.keys.items():
        kind = {"type": "string"} if key.kind == "string" else {"type": "integer", "format": key.kind}
        rows[name] = {**kind, "description": "Features are looked up by it."}
    return _object(rows, optional=lookup.fields)


def _schemas(version: Version, max_rows: int) -> dict[str, Any]:
    signature = version.signature
    answer = {"type": "number"} if signature.task == "regression" else _label(signature)
    reply: dict[str, Any] = {
        "predictions": {"type": "array", "items": answer},
        "prediction_ids": {"type": "array", "items": {"type": "string"}},
        "model_version": {"type": "integer"},
    }
    if signature.probabilities:
        named = ", ".join(map(str, signature.classes))
        numbers = {
            "type": "array",
            "items": {"type": "number"},
            "description": f"Of the classes {named}, in this order",
        }
        reply["probabilities"] = {"type": "array", "items": numbers}
    outcome = {"prediction_id": {"type": "string", "pattern": "^[ -~]{1,200}$"}, "outcome": _outcome(signature)}
    return {
        "Row": _row(version),
        "Request": _object(
            {
                "rows": _list({"$ref": "#/components/schemas/Row"}, max_rows),
                "time": {
                    "description": "When it happened: one time for all rows, or one for each. Now, if left out.",
                    "anyOf": [_TIME, _list(_TIME, max_rows), {"type": "null"}],
                },
            },
            optional={"time"},
        ),
        "Reply": _object(reply),
        "Outcomes": _object({"outcomes": _list(_object(outcome), max_rows)}),
        "Accepted": _object({"accepted": {"type": "integer"}}),
        "Problem": {
            "type": "object",
            "required": ["type", "title", "status", "detail"],
            "properties": {
                "type": {"type": "string"},
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "detail": {"type": "string"},
                "request_id": {"type": "string"},
                "error_id": {"type": "string"},
                "errors": {"type": "array", "items": _FLAW},
            },
        },
    }


def _label(signature: Signature) -> dict[str, Any]:
    return {"enum": list(signature.classes)} if signature.classes else {}


def _outcome(signature: Signature) -> dict[str, Any]:
    """As `requests.misfit` takes them: of a class's type, which need not be one that training had."""
    types = {type(label) for label in signature.classes} if signature.task == "classification" else {float}
    kinds = [schema for kind, schema in _OUTCOMES.items() if not types or types & kind]
    return kinds[0] if len(kinds) == 1 else {"anyOf": kinds}


def _object(properties: dict[str, Any], optional: Container[str] = ()) -> dict[str, Any]:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


def _list(items: dict[str, Any], longest: int) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": 1, "maxItems": longest}


def _predict(row: dict[str, Any]) -> dict[str, Any]:
    body = {"schema": {"$ref": "#/components/schemas/Request"}, "example": {"rows": [row]}}
    return {
        "summary": "Predict",
        "requestBody": {"required": True, "content": {"application/json": body}},
        "parameters": [_header(name, schema, text) for name, schema, text in _HEADERS],
        "responses": _responses("Reply", _PROBLEMS | {409: "Another body under this key"} | _TROUBLES),
    }


def _header(name: str, schema: dict[str, Any], text: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "schema": schema, "description": text}


def _outcomes() -> dict[str, Any]:
    body = {"schema": {"$ref": "#/components/schemas/Outcomes"}}
    return {
        "summary": "Tell what really happened",
        "requestBody": {"required": True, "content": {"application/json": body}},
        "responses": _responses("Accepted", _PROBLEMS | {503: "Come back later"}),
    }


def _responses(schema: str, problems: Mapping[int, str]) -> dict[str, Any]:
    reply = {"schema": {"$ref": f"#/components/schemas/{schema}"}}
    return {"200": {"description": "Done", "content": {"application/json": reply}}, **_refusals(problems)}


def _refusals(problems: Mapping[int, str]) -> dict[str, Any]:
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {str(status): {"description": text, "content": content} for status, text in problems.items()}


def _plain(summary: str, media_type: str, others: Mapping[int, str] | None = None) -> dict[str, Any]:
    done = {"description": summary, "content": {media_type: {}}}
    more = {str(status): {"description": text} for status, text in (others or {}).items()}
    return {"summary": summary, "responses": {"200": done, **more}}
