"""The example of a version's signature, as a request would bring it."""

from __future__ import annotations

from typing import Any

from mvops.core.signature import Column, Signature
from mvops.serving.rows import read_time


def example_of(signature: Signature) -> list[list[Any]]:
    """One row, as columns."""
    return [[_value(column)] for column in signature.columns]


def _value(column: Column) -> Any:
    if column.kind == "datetime":
        return read_time(str(column.example or "2026-01-01"))
    if column.example is not None:
        return column.example
    if column.nullable:
        return None
    fallback = column.categories[0] if column.categories else ""
    return {"number": 0.0, "integer": 0, "boolean": False}.get(column.kind, fallback)
