from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mvops.core.alert import Alert
from mvops.monitoring.alerting import Open, Resolve, Touch, transitions
from mvops.monitoring.verdict import Finding, Verdict

START = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)


def verdict(day: int, *features: str, status="judged", effect=0.5) -> Verdict:
    findings = tuple(
        Finding(
            feature=name,
            kind="drift",
            statistic="shift",
            value=1.0,
            threshold=0.2,
            effect=effect,
            p=1e-9,
            psi=0.3,
            significant=True,
            material=True,
            importance=None,
            sentence=f"{name} moved",
        )
        for name in features
    )
    start = START + day * DAY
    return Verdict(start=start, end=start + DAY, rows=500, status=status, findings=findings)


@pytest.fixture
def alert() -> Alert:
    return Alert(
        id=7,
        model="m",
        version=1,
        kind="drift",
        key="drift:temp",
        status="open",
        severity="warning",
        opened=START,
        last_seen=START + DAY,
        windows=1,
        reason="temp moved",
    )


def test_an_alarm_opens_an_alert():
    assert transitions([], verdict(0, "temp")) == [
        Open(
            key="drift:temp",
            kind="drift",
            severity="warning",
            reason="temp moved",
            start=START,
            end=START + DAY,
        )
    ]


def test_an_alarm_that_lasts_touches_it(alert):
    assert transitions([alert], verdict(1, "temp")) == [
        Touch(alert=7, severity="warning", reason="temp moved", end=START + 2 * DAY)
    ]
    assert transitions([alert], verdict(1, "temp", effect=2.0))[0].severity == "critical"


def test_a_window_counted_before_changes_nothing(alert):
    assert transitions([alert], verdict(0, "temp")) == []
    assert transitions([alert], verdict(0)) == []


def test_three_quiet_windows_resolve(alert):
    assert transitions([alert], verdict(1)) == []
    assert transitions([alert], verdict(2)) == []
    assert transitions([alert], verdict(3)) == [Resolve(alert=7, end=START + 4 * DAY)]
    assert transitions([alert], verdict(1), clean=1) == [Resolve(alert=7, end=START + 2 * DAY)]


def test_silence_resolves_nothing(alert):
    assert transitions([alert], verdict(9, status="no rows")) == []
    assert transitions([alert], verdict(9, status="too few rows")) == []
    assert transitions([alert], verdict(9), judged=[START + DAY, START + 2 * DAY]) == []
    three = [START + 2 * DAY, START + 3 * DAY]
    assert transitions([alert], verdict(9), judged=three) == [Resolve(alert=7, end=START + 10 * DAY)]


def test_each_column_has_its_own_alert(alert):
    found = transitions([alert], verdict(3, "humid"))
    assert [(t.verb, getattr(t, "key", None)) for t in found] == [("open", "drift:humid"), ("resolve", None)]
    closed = alert.model_copy(update={"status": "resolved"})
    assert [t.verb for t in transitions([closed], verdict(1, "temp"))] == ["open"]
