"""Rollouts, alerts, summaries, events and runs."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta, timezone

import pytest

from mvops.core.alert import Alert
from mvops.core.rollout import RolloutState
from mvops.core.run import Run, StepRun
from mvops.errors import ConflictError, RegistryError
from mvops.registry import rollouts
from mvops.registry.alerts import alerts, open_alert, resolve, touch
from mvops.registry.events import events, record_event
from mvops.registry.runs import find_run, runs, save_run, step_seconds
from mvops.registry.summaries import Cursor, Summary, cursor, judged_until, save_judged, save_summaries, summaries
from mvops.registry.versions import register

pytestmark = [
    pytest.mark.real("registry", "sqlite", "summaries and alerts"),
    pytest.mark.real("registry", "postgresql", "summaries and alerts"),
]

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def run(number: int, model: str = "delays", **changes: object) -> Run:
    values = {
        "id": f"2026-{number:04}",
        "model": model,
        "reason": "schedule",
        "status": "succeeded",
        "started": NOON + number * DAY,
        "finished": NOON + number * DAY + timedelta(seconds=5),
        "parameters": {"n": number, "none": None},
    }
    return Run.model_validate(values | changes)


def step(name: str, seconds: float, status: str = "succeeded") -> StepRun:
    return StepRun(step=name, key="k", status=status, seconds=seconds, notebook=None, error=None)


def test_a_run_is_saved_and_replaced_by_its_id(registry):
    begun = run(1, status="running", finished=None)
    save_run(registry, begun)
    assert find_run(registry, begun.id) == begun
    ended = run(1, status="failed", steps=(step("train", 1.5, "failed"),), error="KeyError: \x00")
    save_run(registry, ended)
    assert runs(registry, "delays") == [ended]
    assert find_run(registry, "none") is None


def test_a_run_is_saved_with_the_transaction_that_it_is_in(registry):
    def fail():
        with registry.session():
            save_run(registry, run(1))
            assert find_run(registry, "2026-0001") == run(1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert runs(registry) == []
    with registry.session():
        save_run(registry, run(2))
    assert runs(registry) == [run(2)]


def test_what_is_asked_writes_nothing_after_a_run_was_saved(registry):
    save_run(registry, run(1))
    with pytest.raises(RegistryError):
        registry.rows("DELETE FROM mvops_runs")
    assert runs(registry) == [run(1)]
    with pytest.raises(RegistryError):
        registry.carry_out("INSERT INTO mvops_runs (id) VALUES (:id)", {"id": "x"})
    save_run(registry, run(2))
    assert runs(registry) == [run(2), run(1)]


def test_the_newest_runs_come_first(registry):
    for number in (2, 1, 3):
        save_run(registry, run(number))
    save_run(registry, run(4, "churn"))
    assert [r.id for r in runs(registry, "delays", 2)] == ["2026-0003", "2026-0002"]
    assert [r.model for r in runs(registry)] == ["churn", "delays", "delays", "delays"]


def test_step_seconds_are_medians_of_what_really_ran(registry):
    for number, seconds in enumerate([1.0, 9.0, 2.0]):
        steps = (step("train", seconds), step("load", 100.0, "cached"), step("evaluate", 4.0, "failed"))
        save_run(registry, run(number, steps=steps))
    save_run(registry, run(9, "churn", steps=(step("train", 500.0),)))
    assert step_seconds(registry, "delays") == {"train": 2.0}
    assert step_seconds(registry, "nothing") == {}


def test_step_seconds_forget_what_is_long_ago(registry):
    for number in range(30):
        save_run(registry, run(number, steps=(step("train", 100.0 if number < 10 else 1.0),)))
    assert step_seconds(registry, "delays") == {"train": 1.0}


def rollout(**changes: object) -> RolloutState:
    values = {
        "id": 0,
        "model": "delays",
        "champion": 1,
        "challenger": 2,
        "shares": (5, 25, 100),
        "step": 0,
        "status": "running",
        "reason": "gate passed",
        "started": NOON,
        "step_started": NOON,
    }
    return RolloutState.model_validate(values | changes)


@pytest.fixture
def two_versions(registry, make_draft) -> None:
    for _ in range(2):
        register(registry, make_draft())


@pytest.mark.usefixtures("two_versions")
def test_a_rollout_from_start_to_end(registry):
    assert rollouts.current(registry, "delays") is None
    begun = rollouts.start(registry, rollout())
    assert begun == rollout(id=begun.id)
    further = begun.model_copy(update={"step": 1, "step_started": NOON + DAY})
    rollouts.update(registry, further)
    assert rollouts.current(registry, "delays") == further
    ended = further.model_copy(update={"status": "aborted", "reason": "errors", "finished": NOON + 2 * DAY})
    rollouts.update(registry, ended)
    assert rollouts.current(registry, "delays") is None
    again = rollouts.start(registry, rollout())
    assert rollouts.rollouts(registry, "delays") == [ended, again]


@pytest.mark.usefixtures("two_versions")
def test_only_one_rollout_of_a_model_runs(registry):
    rollouts.start(registry, rollout())
    with pytest.raises(ConflictError, match="already running") as caught:
        rollouts.start(registry, rollout())
    assert "mvops rollout abort delays" in caught.value.hint
    assert len(rollouts.rollouts(registry, "delays")) == 1


@pytest.mark.usefixtures("two_versions")
def test_what_has_ended_stays_ended(registry):
    begun = rollouts.start(registry, rollout())
    ended = begun.model_copy(update={"status": "aborted", "finished": NOON})
    rollouts.update(registry, ended)
    with pytest.raises(ConflictError, match="not running any more"):
        rollouts.update(registry, begun.model_copy(update={"status": "done", "finished": NOON}))
    assert rollouts.rollouts(registry, "delays") == [ended]


def test_a_rollout_needs_registered_versions(registry):
    with pytest.raises(RegistryError, match="no version 1"):
        rollouts.start(registry, rollout())


def alert(**changes: object) -> Alert:
    values = {
        "id": 0,
        "model": "delays",
        "version": 2,
        "kind": "drift",
        "key": "drift:temp",
        "status": "open",
        "severity": "warning",
        "opened": NOON,
        "last_seen": NOON,
        "windows": 1,
        "reason": "PSI 0.3",
    }
    return Alert.model_validate(values | changes)


def test_an_alert_is_opened_once_and_then_touched(registry):
    first, new = open_alert(registry, alert())
    assert (first, new) == (alert(id=first.id), True)
    seen, new = open_alert(registry, alert(last_seen=NOON + DAY, reason="PSI 0.4", severity="critical"))
    assert new is False
    assert seen == alert(id=first.id, last_seen=NOON + DAY, windows=2, reason="PSI 0.4", severity="critical")
    assert alerts(registry, "delays") == [seen]


def test_a_window_is_not_counted_twice(registry):
    first, _ = open_alert(registry, alert())
    assert open_alert(registry, alert())[0].windows == 1
    assert touch(registry, first.id, NOON + DAY).windows == 2
    assert touch(registry, first.id, NOON + DAY).windows == 2
    assert touch(registry, first.id, NOON).last_seen == NOON + DAY


def test_an_alert_is_resolved_once_and_can_open_again(registry):
    first, _ = open_alert(registry, alert())
    resolved = resolve(registry, first.id, NOON + DAY)
    assert (resolved.status, resolved.resolved) == ("resolved", NOON + DAY)
    assert resolve(registry, first.id, NOON + 2 * DAY) == resolved
    assert touch(registry, first.id, NOON + 3 * DAY) == resolved
    second, new = open_alert(registry, alert(opened=NOON + 2 * DAY, last_seen=NOON + 2 * DAY))
    assert new
    assert second.id > first.id
    assert alerts(registry, "delays", "open") == [second]
    assert alerts(registry, "delays", "resolved") == [resolved]
    assert alerts(registry, "delays") == [second, resolved]


def test_alerts_of_other_keys_and_models_are_others(registry):
    for changes in ({}, {"key": "drift:wind"}, {"model": "churn"}):
        assert open_alert(registry, alert(**changes))[1]
    assert [a.key for a in alerts(registry, "delays")] == ["drift:wind", "drift:temp"]


def test_an_alert_that_is_not_there_is_an_error(registry):
    for use in (touch, resolve):
        with pytest.raises(RegistryError, match="no alert 7"):
            use(registry, 7, NOON)


def test_summaries_are_replaced_and_found_by_time(registry):
    assert cursor(registry, "delays") == Cursor(predictions=0, outcomes=0)
    zone = timezone(timedelta(hours=2))
    rows = [(1, "champion", NOON + n * DAY, f'{{"n": {n}}}') for n in range(3)]
    save_summaries(registry, "delays", rows, before=Cursor(), after=Cursor(predictions=10**12))
    again = [(1, "champion", (NOON + DAY).astimezone(zone), "new"), (2, "challenger", NOON + DAY, "two")]
    after = Cursor(predictions=10**12 + 1, outcomes=4)
    save_summaries(registry, "delays", again, before=Cursor(predictions=10**12), after=after)
    assert cursor(registry, "delays") == after
    assert summaries(registry, "delays", NOON + DAY, NOON + 2 * DAY) == [
        Summary(1, "champion", NOON + DAY, "new"),
        Summary(2, "challenger", NOON + DAY, "two"),
    ]
    assert [s.text for s in summaries(registry, "delays")] == ['{"n": 0}', "new", "two", '{"n": 2}']
    assert summaries(registry, "churn") == []


def test_a_monitor_that_was_overtaken_changes_nothing(registry):
    save_summaries(registry, "delays", [(1, "champion", NOON, "first")], before=Cursor(), after=Cursor(predictions=5))
    with pytest.raises(ConflictError, match="gone ahead"):
        save_summaries(registry, "delays", [(1, "champion", NOON, "2nd")], before=Cursor(), after=Cursor(predictions=9))
    assert [s.text for s in summaries(registry, "delays")] == ["first"]
    assert cursor(registry, "delays").predictions == 5


def test_the_cursor_moves_without_summaries_too(registry):
    save_summaries(registry, "delays", [], before=Cursor(), after=Cursor(outcomes=3))
    assert cursor(registry, "delays") == Cursor(outcomes=3)


def test_the_time_until_which_windows_are_judged_only_grows(registry):
    assert judged_until(registry, "delays") is None
    save_judged(registry, "delays", NOON)
    assert cursor(registry, "delays") == Cursor()
    save_summaries(registry, "delays", [], before=Cursor(), after=Cursor(predictions=7))
    assert judged_until(registry, "delays") == NOON
    save_judged(registry, "delays", NOON + DAY)
    save_judged(registry, "delays", NOON)
    assert judged_until(registry, "delays") == NOON + DAY
    assert cursor(registry, "delays") == Cursor(predictions=7)


def test_events_are_kept_in_order_with_who_and_when(registry):
    before = datetime.now(UTC)
    record_event(registry, "apply", "model.delays", "created", {"plan": "p1"})
    record_event(registry, "rollback", "delays", "to version 1")
    newest, oldest = events(registry)
    assert (newest.kind, newest.details) == ("rollback", {})
    assert (oldest.kind, oldest.subject, oldest.message) == ("apply", "model.delays", "created")
    assert oldest.details == {"plan": "p1"}
    assert before <= oldest.time <= newest.time <= datetime.now(UTC)
    assert oldest.actor.endswith(f"@{socket.gethostname()}")
    assert events(registry, 1) == [newest]
    assert events(registry, subject="model.delays") == [oldest]
