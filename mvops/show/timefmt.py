"""Times and durations as people say them."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def seconds(value: float) -> str:
    """A duration by its two greatest units: `0.4 s`, `41 s`, `1 min 5 s`, `2 h`, `3 d 4 h`.

    Rounded once, to the smaller unit that is shown, so that 59.7 s is `1 min` and never `60 s`. Less than a
    millisecond, and anything negative or not finite, is `0 s`.
    """
    if not 0.0005 <= value < float("inf"):
        return "0 s"
    if value < 0.95:
        return f"{value * 1000:.0f} ms" if value < 0.1 else f"{value:.1f} s"
    # the two units shown are one and the next smaller, which sets the rounding
    for (unit, size), (smaller, step) in pairwise(_UNITS):
        whole = int(value / step + 0.5) * step
        if whole >= size:
            rest = whole % size // step
            return f"{whole // size} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{int(value + 0.5)} s"


def ago(then: datetime, now: datetime) -> str:
    """`3 min ago`, `in 2 h`, `just now` within five seconds; both aware. Only the greatest unit is named."""
    distance = (now - then).total_seconds()
    if abs(distance) < 5:
        return "just now"
    unit, size = next((unit, size) for unit, size in _UNITS if abs(distance) >= size)
    said = f"{int(abs(distance) // size)} {unit}"
    return f"{said} ago" if distance > 0 else f"in {said}"


def moment(when: datetime) -> str:
    """`2013-04-01 03:00 UTC`, with seconds only where there are any."""
    universal = when.astimezone(UTC)
    return f"{universal:%Y-%m-%d %H:%M:%S} UTC" if universal.second else f"{universal:%Y-%m-%d %H:%M} UTC"
