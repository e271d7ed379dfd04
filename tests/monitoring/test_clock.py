from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from mvops.monitoring.clock import (
    bucket_index,
    bucket_start,
    hours_between,
    hours_of_week,
    index_of,
    index_start,
    phase_count,
    phase_labels,
    phases,
)

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)


def test_windows_start_on_the_hour_at_midnight_and_on_mondays():
    moment = datetime(2026, 11, 26, 13, 45, tzinfo=UTC)  # a Thursday
    assert bucket_start(moment, HOUR) == datetime(2026, 11, 26, 13, tzinfo=UTC)
    assert bucket_start(moment, DAY) == datetime(2026, 11, 26, tzinfo=UTC)
    assert bucket_start(moment, WEEK) == datetime(2026, 11, 23, tzinfo=UTC)
    assert bucket_start(datetime(1969, 12, 31, 23, tzinfo=UTC), DAY) == datetime(1969, 12, 31, tzinfo=UTC)


def test_numbers_and_starts_agree():
    moment = datetime(2026, 11, 26, 13, 45, tzinfo=UTC)
    for every in (HOUR, DAY, WEEK):
        number = int(bucket_index(np.array(["2026-11-26T13:45"], "datetime64[us]"), every)[0])
        assert index_start(number, every) == bucket_start(moment, every)
        assert index_of(moment, every) == number


def test_hours_of_the_week():
    assert hours_of_week(np.array(["2026-11-23T00:30", "2026-11-29T23:59"], "datetime64[us]")).tolist() == [0, 167]
    monday = datetime(2026, 11, 23, tzinfo=UTC)
    assert hours_between(monday, monday + DAY) == list(range(24))
    assert hours_between(monday + timedelta(minutes=30), monday + timedelta(minutes=40)) == [0]
    assert len(hours_between(monday, monday + 3 * WEEK)) == 168


def test_phases_of_windows():
    assert phases(DAY) == ["none", "weekday"]
    assert phases(WEEK) == ["none"]
    assert phases(timedelta(hours=7)) == ["none"]
    assert phases(HOUR) == ["none", "slot", "weekend_slot", "week_slot"]
    week = np.arange(168) + 168 * 2900
    assert phase_labels(week, HOUR, "week_slot").tolist() == list(range(168))
    assert phase_labels(week, HOUR, "weekend_slot").max() == 47
    for phase in phases(HOUR):
        assert len(np.unique(phase_labels(week, HOUR, phase))) == phase_count(HOUR, phase)
    assert phase_labels(np.arange(7), DAY, "weekday").tolist() == list(range(7))
