"""Rates and ratios as people write them: `1 per 30d`, `2x`."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

from mvops.core.durations import format_duration, parse_period
from mvops.core.frozen import Frozen


class Rate(Frozen):
    """`count` events in `period`, on average."""

    count: float
    period: timedelta

    def per(self, window: timedelta) -> float:
        """How many are expected in `window`."""
        return self.count * (window / self.period)


def parse_rate(text: Any) -> Rate:
    """Read `1 per 30d`; raise ValueError otherwise."""
    if isinstance(text, Rate):
        return text
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s+per\s+(\S+)\s*", str(text))
    if not found or float(found[1]) <= 0:
        raise ValueError(f"{text!r} is not a rate: write such as '1 per 30d'")
    return Rate(count=float(found[1]), period=parse_period(found[2]))


def _format_rate(rate: Rate) -> str:
    return f"{_plain(rate.count)} per {format_duration(rate.period)}"


def parse_ratio(text: Any) -> float:
    """Read `2x` as 2.0; raise ValueError otherwise."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*x\s*", str(text)) if isinstance(text, str) else None
    given = float(found[1]) if found else text
    if isinstance(given, (int, float)) and not isinstance(given, bool) and 0 < given < math.inf:
        return float(given)
    raise ValueError(f"{text!r} is not a ratio: write such as '2x'")


def none_if_off(value: Any) -> Any:
    """`false` switches a rule off as `null` does; raise ValueError for what means neither that nor a value."""
    if value is True or (isinstance(value, str) and value.strip().lower() in {"off", "no", "none", "never"}):
        raise ValueError(f"{str(value).lower()} is no value of this rule; to switch it off, write null or false")
    return None if value is False else value


def _plain(value: float) -> str:
    """All digits that matter, and never an exponent, which could not be read back."""
    return f"{value:.12f}".rstrip("0").rstrip(".")


AlarmRate = Annotated[Rate, BeforeValidator(parse_rate), PlainSerializer(_format_rate, return_type=str)]
Ratio = Annotated[
    float, BeforeValidator(parse_ratio), PlainSerializer(lambda value: f"{_plain(value)}x", return_type=str)
]
