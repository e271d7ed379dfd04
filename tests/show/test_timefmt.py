from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from mvops.show.timefmt import ago, moment, seconds

NOW = datetime(2013, 4, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 s"),
        (-3, "0 s"),
        (float("nan"), "0 s"),
        (float("inf"), "0 s"),
        (0.0004, "0 s"),
        (0.0123, "12 ms"),
        (0.0996, "100 ms"),
        (0.44, "0.4 s"),
        (0.94, "0.9 s"),
        (0.96, "1 s"),
        (1.4, "1 s"),
        (41, "41 s"),
        (59.4, "59 s"),
        (59.7, "1 min"),
        (65, "1 min 5 s"),
        (119.6, "2 min"),
        (3599.6, "1 h"),
        (3661, "1 h 1 min"),
        (7200, "2 h"),
        (7229, "2 h"),
        (86399, "1 d"),
        (86400 * 3 + 3600 * 4 + 59, "3 d 4 h"),
        (86400 * 400, "400 d"),
    ],
)
def test_seconds(value, text):
    assert seconds(value) == text


@pytest.mark.parametrize(
    ("distance", "text"),
    [
        (0, "just now"),
        (4.9, "just now"),
        (-4, "just now"),
        (5, "5 s ago"),
        (59.9, "59 s ago"),
        (200, "3 min ago"),
        (7300, "2 h ago"),
        (86400 * 40, "40 d ago"),
        (-7300, "in 2 h"),
    ],
)
def test_ago(distance, text):
    assert ago(NOW - timedelta(seconds=distance), NOW) == text


def test_a_moment_is_said_in_utc():
    assert moment(NOW) == "2013-04-01 12:00 UTC"
    assert moment(NOW.astimezone(timezone(timedelta(hours=-5))) + timedelta(seconds=7)) == "2013-04-01 12:00:07 UTC"
