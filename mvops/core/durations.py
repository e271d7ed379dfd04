"""Durations as people write them: `30m`, `24h`, `1d`, `90 s`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_LONGEST = 5000 * 604800  # about a century


def parse_duration(text: Any) -> timedelta:
    """Read `30m` and the like; raise ValueError otherwise, also for a number without a unit, except 0."""
    if isinstance(text, timedelta):
        return text
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhdw])\s*", str(text))
    if found:
        seconds = float(found[1]) * _UNITS[found[2]]
    elif re.fullmatch(r"\s*0+(\.0*)?\s*", str(text)):
        seconds = 0.0
    elif re.fullmatch(r"\s*\d+(\.\d*)?\s*", str(text)):
        raise ValueError(
            f"{text!r} is not a duration: it has no unit, write {text}s, {text}m, {text}h, {text}d or {text}w"
        )
    else:
        raise ValueError(f"{text!r} is not a duration: write a number and s, m, h, d or w, such as 30m or 1d")
    if not 0 <= seconds <= _LONGEST:
        raise ValueError(f"{text!r} is not a duration: it must lie between 0s and 5000w")
    return timedelta(seconds=seconds)


def format_duration(value: timedelta) -> str:
    """The shortest exact way to write `value`: 5400 seconds is `90m`."""
    seconds = value.total_seconds()
    for unit in ("w", "d", "h", "m"):
        if seconds and seconds % _UNITS[unit] == 0:
            return f"{seconds / _UNITS[unit]:.0f}{unit}"
    return f"{seconds:.6f}".rstrip("0").rstrip(".") + "s"


def parse_period(text: Any) -> timedelta:
    """A duration in which something can happen: longer than no time."""
    period = parse_duration(text)
    if not period:
        raise ValueError(f"{text!r} is no time at all: write such as 30m or 1d")
    return period


Duration = Annotated[timedelta, BeforeValidator(parse_duration), PlainSerializer(format_duration, return_type=str)]
Period = Annotated[timedelta, BeforeValidator(parse_period), PlainSerializer(format_duration, return_type=str)]
