"""Doing a plan: the journal's order, failures, conflicts, and what one step hands to the next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mvops.core.action import Action, Verb
from mvops.core.address import Address
from mvops.core.apply import Done, Outputs, apply
from mvops.core.plan import make_plan
from mvops.core.spec import UNKNOWN
from mvops.core.state import Record
from mvops.core.steps import RunPipeline, Step
from mvops.errors import BackendError, ConflictError, MvopsError


class World:
    """A journal, a state and a performer in memory, which write down in one list what happened."""

    def __init__(self) -> None:
        self.happened: list[Any] = []
        self.records: dict[str, Record] = {}
        self.broken: dict[str, BaseException] = {}
        self.begun: dict[int, str] = {}

    def started(self, plan_id: str, action: dict[str, Any]) -> int:
        self.happened.append(("started", action["address"]))
        self.begun[len(self.begun)] = action["address"]
        return len(self.begun) - 1

    def finished(
        self, entry: int, outputs: dict[str, str], *, record: Record | None = None, forget: str | None = None
    ) -> None:
        self.happened.append(("finished", self.begun.pop(entry), outputs))
        if record is not None:
            self.records[record.address] = record
        if forget is not None:
            self.records.pop(forget, None)

    def failed(self, entry: int, error: str) -> None:
        self.happened.append(("failed", self.begun.pop(entry), error))

    def unfinished(self) -> list[dict[str, Any]]:
        return [{"entry": entry, "action": {"address": where}} for entry, where in self.begun.items()]

    def steps(self, action: Action) -> Iterator[Step]:
        yield RunPipeline(model=action.address, reason="first")
        yield RunPipeline(model=action.address, reason="second")

    def perform(self, step: Step, outputs: Outputs) -> Outputs:
        assert isinstance(step, RunPipeline)
        self.happened.append((step.reason, step.model, outputs))
        if step.model in self.broken and step.reason == "second":
            raise self.broken[step.model]
        return {step.reason: f"done {step.model}"}

    def settle(self, action: Action) -> Action:
        known = {k: "known" if v == UNKNOWN else v for k, v in action.after.items()} if action.after else None
        return action.model_copy(update={"after": known})

    def apply(self, *actions: Action) -> Iterator[Done]:
        plan = make_plan(actions, project="p", preset="s", lineage="l", made_on=0)
        return apply(
            plan,
            steps=self.steps,
            perform=self.perform,
            settle=self.settle,
            journal=self,
            recorded=dict(self.records).get,
        )


def line(name: str, verb: Verb = Verb.CREATE, *needs: str, after: dict[str, Any] | None = None) -> Action:
    return Action(
        verb=verb,
        address=Address(name),
        reason="r",
        because="b",
        after=after,
        needs=tuple(Address(n) for n in needs),
    )


@pytest.fixture
def world() -> World:
    return World()


def test_the_journal_is_written_before_and_after_each_action(world: World) -> None:
    done = list(world.apply(line("k.a", after={"size": 1}), line("k.b", Verb.CREATE, "k.a")))
    assert [(d.action.address, d.status) for d in done] == [("k.a", "done"), ("k.b", "done")]
    assert [(h[0], h[1]) for h in world.happened] == [
        ("started", "k.a"),
        ("first", "k.a"),
        ("second", "k.a"),
        ("finished", "k.a"),
        ("started", "k.b"),
        ("first", "k.b"),
        ("second", "k.b"),
        ("finished", "k.b"),
    ]
    assert world.records["k.a"].spec == {"size": 1}


def test_a_step_gets_what_the_steps_before_it_left(world: World) -> None:
    world.records["k.a"] = Record(address="k.a", spec={}, outputs={"version": "1", "first": "old"})
    (done,) = world.apply(line("k.a", Verb.UPDATE))
    given = [h[2] for h in world.happened if h[0] in {"first", "second"}]
    assert given == [{"version": "1", "first": "old"}, {"version": "1", "first": "done k.a"}]
    assert done.outputs == {"version": "1", "first": "done k.a", "second": "done k.a"}
    assert done.left == {"first": "done k.a", "second": "done k.a"}, "the version is not of this time"
    assert world.records["k.a"].outputs == done.outputs


def test_a_failure_skips_what_needs_it_and_goes_on_with_the_rest(world: World) -> None:
    world.broken["k.b"] = BackendError("the disk is full", hint="Free some.")
    done = list(
        world.apply(
            line("k.a"),
            line("k.b"),
            line("k.c", Verb.CREATE, "k.b"),
            line("k.d", Verb.CREATE, "k.c"),
            line("k.e", Verb.CREATE, "k.a"),
        )
    )
    assert {d.action.address: d.status for d in done} == {
        "k.a": "done",
        "k.b": "failed",
        "k.c": "skipped",
        "k.d": "skipped",
        "k.e": "done",
    }
    (failed,) = [d for d in done if d.status == "failed"]
    assert failed.error is world.broken["k.b"]
    assert ("failed", "k.b", "the disk is full\nFree some.") in world.happened
    assert set(world.records) == {"k.a", "k.e"}


def test_what_is_no_error_of_ours_stops_all_and_stays_open_in_the_journal(world: World) -> None:
    world.broken["k.b"] = KeyboardInterrupt()
    doing = world.apply(line("k.a"), line("k.b"), line("k.c"))
    assert next(doing).status == "done"
    with pytest.raises(KeyboardInterrupt):
        next(doing)
    assert [entry["action"]["address"] for entry in world.unfinished()] == ["k.b"]
    assert set(world.records) == {"k.a"}


def test_a_conflict_is_refused_before_anything_is_done(world: World) -> None:
    with pytest.raises(ConflictError, match=r"k\.z: b\nMove it out of the way") as refused:
        list(world.apply(line("k.a"), line("k.z", Verb.CONFLICT)))
    assert isinstance(refused.value, MvopsError)
    with pytest.raises(ConflictError, match=r"2 resources are in conflict:\n  k\.y: b\n  k\.z: b\nMove it out of"):
        list(world.apply(line("k.a"), line("k.y", Verb.CONFLICT), line("k.z", Verb.CONFLICT)))
    assert world.happened == []


def test_what_is_kept_is_left_alone(world: World) -> None:
    assert list(world.apply(line("k.a", Verb.KEEP))) == []
    assert world.happened == []


def test_adopting_and_forgetting_only_write_it_down(world: World) -> None:
    world.records["k.b"] = Record(address="k.b", spec={}, outputs={})
    list(world.apply(line("k.a", Verb.ADOPT, after={"size": 1}), line("k.b", Verb.FORGET)))
    assert [h[0] for h in world.happened] == ["started", "finished", "started", "finished"]
    assert set(world.records) == {"k.a"}


def test_what_is_deleted_is_done_and_forgotten(world: World) -> None:
    world.records["k.a"] = Record(address="k.a", spec={}, outputs={"version": "1"})
    list(world.apply(line("k.a", Verb.DELETE)))
    assert [h[0] for h in world.happened] == ["started", "first", "second", "finished"]
    assert world.records == {}


def test_what_was_unknown_is_recorded_as_it_became(world: World) -> None:
    list(world.apply(line("k.a", after={"size": UNKNOWN, "text": "a"})))
    assert world.records["k.a"].spec == {"size": "known", "text": "a"}


def test_nothing_is_done_before_somebody_asks_for_the_next(world: World) -> None:
    doing = world.apply(line("k.a"), line("k.b"))
    assert world.happened == []
    next(doing)
    assert {h[1] for h in world.happened} == {"k.a"}
