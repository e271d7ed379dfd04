"""A version made again, as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mvops.lifecycle.reproduction import Reproduction

_VERDICTS = {"equal": "EQUAL", "different": "DIFFERENT", "not_comparable": "NOT COMPARABLE"}
_SENTENCES = {
    "equal": "made again, it is the same",
    "different": "made again, it is not the same",
    "not_comparable": "made again, it is not the same, and need not be",
}
_MOST = 20  # differences that are shown
_UNITS = {
    "data": "inputs",
    "cells": "steps",
    "parameters": "parameters",
    "environment": "releases",
    "metrics": "metrics",
    "rows": "held-out rows",
    "predictions": "predictions",
}


def reproduction_lines(found: Reproduction) -> Iterator[str]:
    """The verdict, where data and code came from, what was compared, and where it differs."""
    yield f"{_VERDICTS[found.verdict]}: {found.model}@{found.version}: {_SENTENCES[found.verdict]}."
    if found.reason:
        yield f"  {found.reason}"
    yield from (f"  data         {name}: {source}" for name, source in sorted(found.data.items()))
    yield f"  code         {found.code}"
    unlike = {part: sum(each.part == part for each in found.differences) for part in found.compared}
    for part, count in found.compared.items():
        told = f"{unlike[part]} differ" if unlike[part] else "the same"
        yield f"  {part:<12} {count} {_UNITS[part]}: {told}"
    if found.largest:
        yield f"  the largest difference between two predictions is {found.largest:.3g}"
    for each in found.differences[:_MOST]:
        yield f"    {each.part}.{each.name}: {_value(each.registered)} -> {_value(each.again)}"
    if len(found.differences) > _MOST:
        yield f"    and {len(found.differences) - _MOST} more"
    yield f"  {found.seconds:.1f} s, tolerance {found.tolerance:g}"


def _value(value: Any) -> str:
    text = "nothing" if value is None else f"{value:.9g}" if isinstance(value, float) else str(value)
    return f"{text[:16]}…" if len(text) == 64 else text
