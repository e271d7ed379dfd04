"""Cron schedules and time zones as people write them: `0 3 * * 1`, `Europe/Berlin`."""

from __future__ import annotations

import re
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator

from mvops.core.nearest import did_you_mean

_BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_NAMES = ("minute", "hour", "day of the month", "month", "day of the week")
_LONGEST_MONTH = (0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)  # days, by the month's number

_NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


def check_cron(schedule: str) -> str:
    """Return a five-field cron expression with single spaces; raise ValueError for anything else.

    A schedule that no day of any year fits, such as the 31st of February, is refused too.
    """
    fields = schedule.split(" ") if schedule.isprintable() else []
    wrong = _wrong(fields)
    if wrong:
        raise ValueError(f"{schedule!r} is not a cron schedule: {wrong} such as '0 3 * * 1' (Mondays at 03:00)")
    _, _, day, month, weekday = fields
    first = min(cron_values(day, 1, 31))
    if weekday.startswith("*") and all(first > _LONGEST_MONTH[m] for m in cron_values(month, 1, 12)):
        raise ValueError(f"{schedule!r} never comes: no month that it names has a day {first}")
    return schedule


def plain_cron(text: str) -> str:
    """A schedule as crons write them (`@daily`, `MON-FRI`, `JAN`, several spaces) in five plain fields.

    Raises ValueError for what no five fields say, such as `@reboot`, and for extensions such as `L`, `W`, `#` and `?`.
    """
    words = text.split()
    if words[:1] and words[0].startswith("@"):
        if len(words) > 1 or words[0].lower() not in _NICKNAMES:
            raise ValueError(f"{text!r} is no time of the clock that five fields of cron could say")
        return _NICKNAMES[words[0].lower()]
    if len(words) == len(_BOUNDS):
        words[3] = _numbered(words[3], _MONTHS, first=1)
        words[4] = _numbered(words[4], _WEEKDAYS, first=0)
    return check_cron(" ".join(words))


def _numbered(field: str, names: tuple[str, ...], *, first: int) -> str:
    """Names as numbers; a range that ends on Sunday ends on 7."""

    def number(found: re.Match[str]) -> str:
        name = found[0].lower()
        if name not in names:
            return found[0]
        ends_a_range = found.start() > 0 and field[found.start() - 1] == "-"
        return "7" if name == "sun" and ends_a_range else str(names.index(name) + first)

    return re.sub(r"[A-Za-z]{3}(?![A-Za-z])", number, field)


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
        meant = did_you_mean(name, available_timezones()) or "; write such as 'Europe/Berlin' or 'UTC'"
        raise ValueError(f"{name!r} is no time zone{meant}") from None
    return name


def _wrong(fields: list[str]) -> str:
    """What is to be written otherwise; nothing where all is right."""
    if len(fields) != len(_BOUNDS):
        return "write five fields"
    for text, name, (low, high) in zip(fields, _NAMES, _BOUNDS, strict=True):
        if not _field(text, low, high):
            return f"the {name} {text!r} is no *, number from {low} to {high}, list, range or step; write five fields"
    return ""


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
