"""Values as both databases keep them, without SQLAlchemy: its column types are made of these."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any


def utc_now() -> datetime:
    """The time, aware and in UTC."""
    return datetime.now(UTC)


def as_utc(value: datetime) -> datetime:
    """The same instant in UTC; ValueError for a naive time, of which nobody could say which instant it means."""
    if value.tzinfo is None:
        raise ValueError(f"{value} has no time zone; give an aware datetime")
    return value.astimezone(UTC)


def plain_time(value: datetime, dialect: str) -> datetime | str:
    """What stands for it in plain SQL; on SQLite that is a text, without the zone. ValueError for a naive time."""
    moment = as_utc(value)
    return moment.replace(tzinfo=None).isoformat(" ", "microseconds") if dialect == "sqlite" else moment


def time_found(value: datetime | str) -> datetime:
    """The time that plain SQL finds so."""
    if isinstance(value, str):
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    return value.astimezone(UTC)


def safe_text(value: str) -> str:
    """Text of any origin. PostgreSQL stores no NUL and no lone surrogate; both become a replacement character."""
    return value.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def to_json(value: Any) -> str:
    """Compact JSON; NumPy scalars and arrays become plain numbers and lists, times ISO text."""
    return json.dumps(value, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if hasattr(value, "tolist"):  # NumPy's scalars and arrays, without importing NumPy
        return value.tolist()
    raise TypeError(f"a {type(value).__name__} cannot be kept as JSON")
