"""XN6: whatever the columns of a model are called, the OpenAPI document is valid and says their names as they are."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from mvops.core.signature import Column, Signature
from mvops.core.version import Version
from mvops.serving.openapi import document, example

NAMES = ("class", "__class__", "model_config", "a.b", "a b", "$ref", "a/b~c", "ﬁ", "fi", "A", "a", "x\u2028", "allOf")


def version(*names: str) -> Version:
    columns = tuple(Column(name=name, kind="number", example=1.5) for name in names)
    signature = Signature(columns=columns, task="regression")
    return Version.model_construct(model="delay", number=1, signature=signature, lookup=None)


def row_schema(made: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    (found,) = [s for s in made["components"]["schemas"].values() if set(s.get("properties", {})) == set(names)]
    return dict(found)


def test_xn6_odd_names_are_said_as_they_are() -> None:
    validator = pytest.importorskip("openapi_spec_validator", reason="needs openapi-spec-validator")
    made = json.loads(json.dumps(document(version(*NAMES), 100)))
    validator.validate(made)
    row = example(version(*NAMES))
    assert list(row) == list(NAMES)
    schema = row_schema(made, NAMES)
    jsonschema.validate(row, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({name: value for name, value in row.items() if name != "class"}, schema)


def test_xn6_ten_thousand_columns() -> None:
    names = tuple(f"f{number}" for number in range(10_000))
    made = json.loads(json.dumps(document(version(*names), 100)))
    jsonschema.Draft202012Validator.check_schema(row_schema(made, names))
    assert len(row_schema(made, names)["required"]) == 10_000
