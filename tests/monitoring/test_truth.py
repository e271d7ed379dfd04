"""The promise: `1 per 30d` holds on quiet streams with a weekly rhythm, and shifts are found."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from mvops.core.alert import Alert
from mvops.core.config.model import Monitor
from mvops.monitoring.alerting import Open, Resolve, transitions
from mvops.monitoring.baseline import build_baseline
from mvops.monitoring.columns import make_rows
from mvops.monitoring.summary import summarise_all
from mvops.monitoring.verdict import Verdict, judge

DAY = timedelta(days=1)
SEEDS, BASELINE, QUIET, AFTER = 9, 56, 16, 3


@pytest.fixture(scope="module", params=[0.5, 0.2])
def told(request, stream, stream_signature):
    """By seed: the features in alarm on each quiet day, and the days until the shifted one is found."""
    found = []
    for seed in range(SEEDS if request.param == 0.5 else SEEDS // 3):
        one = stream(seed)
        shifted = seed % 15
        before, times = one.days(0, BASELINE)
        baseline = build_baseline(stream_signature, make_rows(stream_signature, before, times=times))
        quiet, quiet_times = one.days(BASELINE, QUIET)
        moved, moved_times = one.days(BASELINE + QUIET, AFTER, {shifted: request.param})
        windows = [
            window
            for columns, when in ((quiet, quiet_times), (moved, moved_times))
            for window in summarise_all(baseline, make_rows(stream_signature, columns, times=when), DAY)
        ]
        alarms = [
            {f.feature for f in judge(baseline, window, Monitor(), history=windows[max(0, i - 7) : i]).alarms}
            for i, window in enumerate(windows)
        ]
        delay = next((i + 1 for i, day in enumerate(alarms[QUIET:]) if f"n{shifted}" in day), None)
        found.append((alarms[:QUIET], delay))
    return request.param, found


def test_quiet_days_stay_quiet_and_shifts_are_found(told):
    shift, found = told
    per_30_days = np.mean([sum(bool(day) for day in quiet) for quiet, _ in found]) * 30 / QUIET
    delays = [delay for _, delay in found]
    assert per_30_days <= 0.75  # promised: 1.0
    assert all(delay is not None and delay <= (1 if shift == 0.5 else 3) for delay in delays)


def test_days_that_resemble_their_neighbours(signature, daily):
    """Twelve features that wander (half of yesterday stays): one long swing is one alert, and they are as rare."""
    opened = 0
    for seed in range(5):
        rng = np.random.default_rng(seed)
        level = np.zeros((136, 12))
        for day in range(1, 136):
            level[day] = 0.5 * level[day - 1] + rng.normal(0, 0.1, 12)
        values = np.repeat(level, 300, axis=0) + rng.normal(size=(136 * 300, 12))
        known = signature({f"x{i}": "number" for i in range(12)})
        rows = make_rows(known, {f"x{i}": values[:, i] for i in range(12)}, times=daily(136, 300))
        baseline = build_baseline(known, rows.take(np.arange(56 * 300)))
        windows = summarise_all(baseline, rows.take(np.arange(56 * 300, 136 * 300)), DAY)
        opened += alerts_opened([judge(baseline, w, Monitor(), history=windows[:i]) for i, w in enumerate(windows)])
    assert opened / 5 / 80 * 30 <= 1.0


def alerts_opened(verdicts: list[Verdict]) -> int:
    open_alerts: dict[int, Alert] = {}
    number = 0
    for verdict in verdicts:
        for step in transitions(list(open_alerts.values()), verdict):
            if isinstance(step, Open):
                number += 1
                open_alerts[number] = Alert(
                    id=number,
                    model="m",
                    version=1,
                    kind=step.kind,
                    key=step.key,
                    status="open",
                    severity=step.severity,
                    opened=step.start,
                    last_seen=step.end,
                    windows=1,
                    reason=step.reason,
                )
            elif isinstance(step, Resolve):
                del open_alerts[step.alert]
            else:
                open_alerts[step.alert] = open_alerts[step.alert].model_copy(update={"last_seen": step.end})
    return number


def test_a_rhythm_inside_the_day(signature):
    """Whole days are alike though their hours are not; with hourly windows each hour is held against its like."""
    rng = np.random.default_rng(2)
    hours = np.arange(24 * 42)
    volume = rng.poisson(60 + 40 * np.sin(2 * np.pi * (hours - 8) / 24))
    of_row = np.repeat(hours, volume)
    values = 3 * np.sin(2 * np.pi * of_row / 24) + rng.normal(size=len(of_row))
    times = np.datetime64("2026-01-05", "us") + of_row.astype("timedelta64[h]")
    old = of_row < 24 * 28
    known = signature({"x": "number"})
    for every, least in ((DAY, 14), (timedelta(hours=1), 24 * 14)):
        baseline = build_baseline(known, make_rows(known, {"x": values[old]}, times=times[old]), every=every)
        windows = summarise_all(baseline, make_rows(known, {"x": values[~old]}, times=times[~old]), every)
        alarms = [
            judge(baseline, window, Monitor(every=every, min_rows=15), history=windows[max(0, i - 7) : i]).alarms
            for i, window in enumerate(windows)
        ]
        assert len(windows) == least
        assert sum(map(bool, alarms)) <= 2
    late = make_rows(known, {"x": values[~old] + 1.0}, times=times[~old])
    windows = summarise_all(baseline, late, timedelta(hours=1))
    told = [bool(judge(baseline, window, Monitor(min_rows=15)).alarms) for window in windows]
    assert np.mean(told) > 0.5
