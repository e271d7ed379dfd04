"""Windows of time: which one an instant belongs to, and which phase of the day and week a window has. All in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np

from mvops.monitoring.columns import Ints, Times

_ORIGIN = datetime(1970, 1, 5, tzinfo=UTC)  # a Monday, so that weekly windows start on Mondays
_ORIGIN64 = np.datetime64("1970-01-05", "us")
_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
HOURS_OF_WEEK = 168

Phase = Literal["none", "weekday", "slot", "weekend_slot", "week_slot"]


def bucket_start(time: datetime, every: timedelta) -> datetime:
    """The start of the window of length `every` that `time` (aware) lies in; weekly windows start on Mondays."""
    return _ORIGIN + every * ((time - _ORIGIN) // every)


def bucket_index(times: Times, every: timedelta) -> Ints:
    """The number of each instant's window, counted from a Monday in 1970; times must not be NaT."""
    return np.asarray((times - _ORIGIN64) // np.timedelta64(every), np.int64)


def index_start(index: int, every: timedelta) -> datetime:
    """Where the window with this number starts."""
    return _ORIGIN + every * index


def index_of(start: datetime, every: timedelta) -> int:
    """The number of the window that starts at, or holds, `start`."""
    return (start - _ORIGIN) // every


def hours_of_week(times: Times) -> Ints:
    """Hour since Monday 00:00, 0 to 167, of each instant."""
    return bucket_index(times, _HOUR) % HOURS_OF_WEEK


def hours_between(start: datetime, end: datetime) -> list[int]:
    """The hours of the week that [start, end) touches."""
    first, last = index_of(start, _HOUR), index_of(end - timedelta(microseconds=1), _HOUR)
    return sorted({hour % HOURS_OF_WEEK for hour in range(first, min(last, first + HOURS_OF_WEEK - 1) + 1)})


def phases(every: timedelta) -> list[Phase]:
    """The rhythms that windows of this length can have, simplest first."""
    if every == _DAY:
        return ["none", "weekday"]
    if every < _DAY and not _DAY % every:
        return ["none", "slot", "weekend_slot", "week_slot"]
    return ["none"]


def phase_labels(index: Ints, every: timedelta, phase: Phase) -> Ints:
    """The phase of each numbered window, from 0 to phase_count - 1."""
    if phase == "none":
        return np.zeros(len(index), np.int64)
    if phase == "weekday":
        return index % 7
    slots = _DAY // every
    slot, weekday = index % slots, index // slots % 7
    if phase == "slot":
        return slot
    return slot + slots * (weekday if phase == "week_slot" else (weekday >= 5).astype(np.int64))


def phase_count(every: timedelta, phase: Phase) -> int:
    """How many phases there are."""
    if phase == "none":
        return 1
    return 7 if phase == "weekday" else (_DAY // every) * {"slot": 1, "weekend_slot": 2, "week_slot": 7}[phase]
