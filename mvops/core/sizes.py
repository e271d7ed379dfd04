"""Amounts of memory as people write them: `300MB`, `4GB`, `1.5GiB`."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

_UNITS = {"MB": 10**6, "GB": 10**9, "TB": 10**12, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_KNOWN = {unit.lower(): size for unit, size in _UNITS.items()} | {
    unit.removesuffix("B").lower(): size for unit, size in _UNITS.items() if "i" in unit
}
_SMALLEST, _LARGEST = 10**6, 10**15


def parse_size(text: Any) -> int:
    """Read `4GB` and the like as bytes; raise ValueError otherwise, also for a number without a unit."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]+)\s*", str(text))
    unit = _KNOWN.get(found[2].lower()) if found else None
    if found is None or unit is None:
        raise ValueError(f"{text!r} is not an amount of memory: write a number and MB, GB, MiB or GiB, such as 4GB")
    size = round(float(found[1]) * unit)
    if not _SMALLEST <= size <= _LARGEST:
        raise ValueError(f"{text!r} is not an amount of memory: it must lie between 1MB and 1000TB")
    return size


def format_size(size: int) -> str:
    """The shortest exact way to write `size`, in the largest unit that it is a whole number of; else MB."""
    for unit, amount in sorted(_UNITS.items(), key=lambda each: -each[1]):
        if size % amount == 0:
            return f"{size // amount}{unit}"
    return f"{size / 10**6:.6f}".rstrip("0").rstrip(".") + "MB"


Size = Annotated[int, BeforeValidator(parse_size), PlainSerializer(format_size, return_type=str)]
