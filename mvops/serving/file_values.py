"""What a file's value is as a row's: the endpoint's rules are the same, but no file has JSON's types.

A text of a CSV file is read as its column's kind, and left as it is where it is none, so that it is refused like any
wrong value. What pandas takes for missing (an empty cell, NA, NaN, ...) is null.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from mvops.core.signature import Column, ColumnKind

_MISSING = frozenset({"", "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null", "#N/A", "#N/A N/A", "#NA"})
_MISSING |= {"-NaN", "-nan", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"}
_TRUTH = {"true": True, "false": False}
Convert = Callable[[Any], Any]


def converter(column: Column, *, texts: bool) -> Convert:
    """How a value of the column's is read; `texts` says that the file has nothing else."""
    if not texts:
        return typed
    if column.kind in {"category", "text"}:
        return _words(column)
    return _numbers(column.kind)


def typed(value: Any) -> Any:
    """A value of Parquet or JSON as one of a row."""
    if value is None or type(value) in {int, str, bool}:
        return value
    if type(value) is float:
        return None if value != value else value  # noqa: PLR0124 -- NaN, which is how tables say null
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value // 1 else float(value)
    return value


def key_of(value: Any, kind: str, *, texts: bool) -> Any:
    """An entity's value, by which features are looked up."""
    return typed(value) if not texts or kind == "string" else _number(value)


def _words(column: Column) -> Convert:
    known = set(column.categories)

    def read(text: str) -> str | None:
        if text in _MISSING and text not in known and (column.nullable or not text):
            return None
        return text

    return read


def _numbers(kind: ColumnKind) -> Convert:
    read = {"number": _number, "integer": _number, "boolean": _boolean}.get(kind, str)

    def of(text: str) -> Any:
        return None if text in _MISSING else read(text)

    return of


def _boolean(text: str) -> Any:
    return _TRUTH.get(text.lower(), text)


def _number(text: str) -> Any:
    if "_" in text:  # which only Python takes for a number
        return text
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text
