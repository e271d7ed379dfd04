"""Times and durations as people type them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from mvops.core.durations import parse_duration
from mvops.errors import UsageError


def as_utc(moment: datetime | None) -> datetime | None:
    """A time without a zone is in UTC."""
    return moment if moment is None or moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def as_duration(text: str, option: str) -> timedelta:
    """`30m` and the like; raise UsageError that names the option."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from None
