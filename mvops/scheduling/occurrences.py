"""When a cron schedule comes. A time that the clock skips in spring comes right after the gap; none comes twice."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

_INSTANT = timedelta(microseconds=1)


def next_time(schedule: str, timezone: str, after: datetime) -> datetime:
    """The first time after the moment `after`, in the time zone `timezone`."""
    return next(CronSim(schedule, after.astimezone(ZoneInfo(timezone))))


def latest_time(schedule: str, timezone: str, after: datetime, until: datetime) -> datetime | None:
    """The last time after the moment `after` and not after `until`; None if there is none."""
    if next_time(schedule, timezone, after) > until:
        return None
    return next(CronSim(schedule, (until + _INSTANT).astimezone(ZoneInfo(timezone)), reverse=True))
