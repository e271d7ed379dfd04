"""A plan: the order of its lines, its name, and what it says of itself."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mvops.core.action import Action, Verb
from mvops.core.address import Address
from mvops.core.plan import Plan, make_plan
from mvops.errors import SpecError


def action(name: str, verb: Verb = Verb.CREATE, *needs: str, **more: Any) -> Action:
    return Action(
        verb=verb,
        address=Address(name),
        reason="r",
        because="b",
        needs=tuple(Address(n) for n in needs),
        **more,
    )


def plan(*actions: Action, **more: Any) -> Plan:
    return make_plan(actions, project="flights", preset="small/day_30", lineage="l", made_on=3, **more)


def order(made: Plan) -> list[str]:
    return [each.address for each in made.actions]


def test_p37_what_is_needed_comes_first() -> None:
    made = plan(
        action("a.last", Verb.CREATE, "b.middle"), action("b.middle", Verb.UPDATE, "c.first"), action("c.first")
    )
    assert order(made) == ["c.first", "b.middle", "a.last"]


def test_what_needs_nothing_is_sorted() -> None:
    assert order(plan(action("c.x"), action("a.x"), action("b.x"))) == ["a.x", "b.x", "c.x"]


def test_a_need_that_is_not_in_the_plan_is_not_waited_for() -> None:
    assert order(plan(action("a.x", Verb.CREATE, "z.elsewhere"))) == ["a.x"]


def test_p37_deletions_come_last_and_in_reverse() -> None:
    dependencies = {Address("endpoint.m"): [Address("model.m")], Address("model.m"): [Address("pipeline.m")]}
    made = plan(
        action("endpoint.m", Verb.DELETE),
        action("model.m", Verb.FORGET),
        action("pipeline.m", Verb.DELETE),
        action("pipeline.new"),
        dependencies=dependencies,
    )
    assert order(made) == ["pipeline.new", "endpoint.m", "model.m", "pipeline.m"]


def test_dependencies_of_what_is_not_in_the_plan_do_not_matter() -> None:
    assert order(plan(action("a.x"), dependencies={Address("b.x"): [Address("a.x")]})) == ["a.x"]


def test_a_ring_is_refused_with_its_members() -> None:
    with pytest.raises(SpecError, match=r"resources need each other in a ring: .*a\.x.* -> .*b\.x"):
        plan(action("a.x", Verb.CREATE, "b.x"), action("b.x", Verb.CREATE, "a.x"))


@given(st.integers(1, 12), st.randoms(use_true_random=False))
def test_any_order_of_the_same_lines_gives_the_same_bytes_in_a_possible_order(size: int, chance: random.Random) -> None:
    names = [f"k.r{n}" for n in range(size)]
    lines = [action(n, Verb.CREATE, *chance.sample(names[:i], chance.randint(0, i))) for i, n in enumerate(names)]
    shuffled = chance.sample(lines, size)
    made, again = plan(*lines), plan(*shuffled)
    assert made.model_dump_json() == again.model_dump_json()
    place = {name: i for i, name in enumerate(order(made))}
    assert all(place[need] < place[line.address] for line in made.actions for need in line.needs)


def test_the_same_inputs_give_the_same_bytes_in_another_process() -> None:
    script = """
from mvops.core.action import Action, Verb
from mvops.core.plan import make_plan
lines = [Action(verb=Verb.CREATE, address=f"k.r{n}", reason="r", because="b", after={"z": n, "a": {"s": 1}},
                needs=("k.r0",) if n else ()) for n in range(20)]
print(make_plan(lines, project="p", preset="s", lineage="l", made_on=1).model_dump_json())
"""
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    (text,) = outputs
    assert len(json.loads(text)["actions"]) == 20


def test_the_id_names_the_content() -> None:
    base = plan(action("a.x"))
    assert len(base.id) == 12
    assert plan(action("a.x")).id == base.id
    assert plan(action("a.x", Verb.UPDATE)).id != base.id
    assert plan(action("a.x", after={"size": 1})).id != base.id
    other_state = make_plan([action("a.x")], project="flights", preset="small/day_30", lineage="l", made_on=4)
    assert other_state.id != base.id


def test_a_plan_counts_its_lines() -> None:
    made = plan(action("a.x"), action("b.x", Verb.KEEP), action("c.x", Verb.CREATE), action("d.x", Verb.CONFLICT))
    assert made.totals() == {"create": 2, "keep": 1, "conflict": 1}
    assert [line.address for line in made.pending()] == ["a.x", "c.x", "d.x"]
    assert [line.address for line in made.conflicts()] == ["d.x"]


@pytest.mark.parametrize(
    ("verbs", "only"),
    [
        ([Verb.REPAIR, Verb.KEEP], True),
        ([Verb.REPAIR, Verb.UPDATE], False),
        ([Verb.KEEP], False),
        ([], False),
    ],
)
def test_only_drift_is_told_apart(verbs: list[Verb], only: bool) -> None:
    made = plan(*(action(f"k.r{n}", verb) for n, verb in enumerate(verbs)))
    assert made.only_drift() == only


def test_a_plan_reads_back_and_refuses_what_it_does_not_know() -> None:
    made = plan(action("a.x", after={"size": [1, {"b": None}]}), notices=["n"], seconds=1.5)
    assert Plan.model_validate_json(made.model_dump_json(indent=2)) == made
    for change in ({"surprise": 1}, {"format_version": 2}):
        with pytest.raises(ValidationError):
            Plan.model_validate(made.model_dump(mode="json") | change)
