"""Cron schedules and time zones as people write them: `0 3 * * 1`, `Europe/Berlin`."""

from __future__ import annotations

import difflib
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator

_BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_LONGEST_MONTH = (0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)  # days, by the month's number


def check_cron(schedule: str) -> str:
    """Return a five-field cron expression with single spaces; raise ValueError for anything else.

    A schedule that no day of any year fits, such as the 31st of February, is refused too.
    """
    fields = schedule.split(" ") if schedule.isprintable() else []
    if len(fields) != len(_BOUNDS) or not all(_field(f, *b) for f, b in zip(fields, _BOUNDS, strict=True)):
        raise ValueError(
            f"{schedule!r} is not a cron schedule: write five fields such as '0 3 * * 1' (Mondays at 03:00)"
        )
    _, _, day, month, weekday = fields
    first = min(cron_values(day, 1, 31))
    if weekday.startswith("*") and all(first > _LONGEST_MONTH[m] for m in cron_values(month, 1, 12)):
        raise ValueError(f"{schedule!r} never comes: no month that it names has a day {first}")
    return schedule


def cron_values(field: str, low: int, high: int) -> tuple[int, ...]:
    """All values that one field of a checked schedule stands for, rising."""
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        start, _, end = span.partition("-")
        first, last = (low, high) if span == "*" else (int(start), int(end or start))
        found.update(range(first, last + 1, int(step or 1)))
    return tuple(sorted(found))


def check_timezone(name: str) -> str:
    """Return the name of a time zone that this machine knows; raise ValueError with the nearest one."""
    if name == "UTC":
        return name
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not found, a path, a folder of zones
        near = difflib.get_close_matches(name, available_timezones(), n=1)
        meant = f"; did you mean {near[0]!r}?" if near else "; write such as 'Europe/Berlin' or 'UTC'"
        raise ValueError(f"{name!r} is no time zone{meant}") from None
    return name


def _field(text: str, low: int, high: int) -> bool:
    return all(_part(part, low, high) for part in text.split(","))


def _part(part: str, low: int, high: int) -> bool:
    span, _, step = part.partition("/")
    if "/" in part and not (step.isascii() and step.isdigit() and int(step) > 0):
        return False
    if span == "*":
        return True
    ends: list[Any] = span.split("-")
    if "/" in part and len(ends) != 2:  # some crons read 5/10 as 5 alone, others as 5-59/10
        return False
    if len(ends) > 2 or not all(e.isascii() and e.isdigit() and low <= int(e) <= high for e in ends):
        return False
    return int(ends[0]) <= int(ends[-1])


CronText = Annotated[str, AfterValidator(check_cron)]
Timezone = Annotated[str, AfterValidator(check_timezone)]
