"""Times and durations as people type them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from mvops.core.durations import parse_duration, parse_period
from mvops.errors import UsageError


def as_utc(moment: datetime | None) -> datetime | None:
    """A time without a zone is in UTC."""
    return moment if moment is None or moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def as_duration(text: str, option: str) -> timedelta:
    """`30m` and the like; raise UsageError that names the option."""
    return _read(parse_duration, text, option)


def as_period(text: str, option: str) -> timedelta:
    """The same, for what has to be longer than no time."""
    return _read(parse_period, text, option)


def _read(parse: Callable[[str], timedelta], text: str, option: str) -> timedelta:
    try:
        return parse(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from None
