"""Rows that are hard to get right and that an endpoint accepts: the ends of number types, and what was never seen."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from mvops.core.signature import Column, Signature

_BASES = 3  # rows that are changed in one column
_BETWEEN = 12  # numbers half-way between two that were held out, where trees like to split
_NUMBERS: tuple[Any, ...] = (
    *(0.0, -0.0, 5e-324, 1e-300, 0.1, 1e15, -1e15, 2**53 + 1, -(2**60) - 1, 3.4028234e38, 3.4028236e38, 1e39, -1e39),
    *(10**300, 1.7e308, -1.7e308),
)
_INTEGERS = (0, -1, 1, 2**24 + 1, 2**31, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63))
_TEXTS = ("", " ", "never seen", "nan", "None", "0", "\ud7ff\u0301", "x" * 1000)
_TIMES = (datetime(1678, 1, 2, tzinfo=UTC), datetime(2261, 12, 31, 23, 59, 59, 999999, tzinfo=UTC))


def hostile_rows(signature: Signature, held_out: list[list[Any]]) -> list[list[Any]]:
    """Some of the rows that were held out, each with a hostile value in one column, as columns."""
    rows = list(zip(*held_out, strict=True))[:_BASES]
    found: list[tuple[Any, ...]] = []
    for at, column in enumerate(signature.columns):
        for value in _values(column, held_out[at]):
            found += [(*row[:at], value, *row[at + 1 :]) for row in rows]
    return [list(values) for values in zip(*found, strict=True)] if found else [[] for _ in signature.columns]


def _values(column: Column, seen: list[Any]) -> Iterator[Any]:
    if column.nullable:
        yield None
    if column.kind == "number":
        yield from _NUMBERS
        known = sorted({value for value in seen if value is not None})
        step = max(1, len(known) // _BETWEEN)
        yield from ((low + high) / 2 for low, high in list(pairwise(known))[::step])
    elif column.kind == "integer":
        yield from _INTEGERS
    elif column.kind == "boolean":
        yield from (False, True)
    elif column.kind == "datetime":
        yield from _TIMES
    else:
        yield from (*_TEXTS, *column.categories)
