"""Rates and ratios as people write them: `1 per 30d`, `2x`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

from mvops.core.durations import format_duration, parse_duration
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
    return Rate(count=float(found[1]), period=parse_duration(found[2]))


def _format_rate(rate: Rate) -> str:
    return f"{rate.count:g} per {format_duration(rate.period)}"


def parse_ratio(text: Any) -> float:
    """Read `2x` as 2.0; raise ValueError otherwise."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*x\s*", str(text)) if isinstance(text, str) else None
    if found:
        return float(found[1])
    if isinstance(text, (int, float)) and not isinstance(text, bool) and text > 0:
        return float(text)
    raise ValueError(f"{text!r} is not a ratio: write such as '2x'")


AlarmRate = Annotated[Rate, BeforeValidator(parse_rate), PlainSerializer(_format_rate, return_type=str)]
Ratio = Annotated[float, BeforeValidator(parse_ratio), PlainSerializer(lambda value: f"{value:g}x", return_type=str)]
