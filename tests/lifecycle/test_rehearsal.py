from __future__ import annotations

import pytest

from mvops.core.signature import Column, Signature
from mvops.lifecycle.rehearsal import Rehearsal

VALUES = Signature(
    columns=(Column(name="x", kind="number", low=0, high=100), Column(name="who", kind="category", categories=("a",))),
    task="regression",
)


def test_values_are_compared_by_how_far_they_are_apart():
    rehearsal = Rehearsal(VALUES)
    assert rehearsal.found().rows == 0
    for x in range(100):
        given = 10.0
        ours = given + (2.0 if x >= 75 else 0.0)
        rehearsal.add({"x": x, "who": f"caller {x}"}, ours, given, outcome=given + 1)
    found = rehearsal.found()
    assert (found.rows, found.largest) == (100, 2.0)
    assert (found.mean, found.bias, found.share) == tuple(pytest.approx(each) for each in (0.5, 0.5, 0.05))
    assert [(s.column, s.values, s.rows, s.disagreement) for s in found.segments] == [("x", "75 to 100", 25, 2.0)]
    assert found.quality is not None
    assert (found.quality.given, found.quality.challenger) == (1.0, 1.0)
    assert found.quality.low <= 0 <= found.quality.high


def test_memory_does_not_grow_with_what_is_in_the_rows():
    rehearsal = Rehearsal(VALUES)
    for number in range(5000):
        rehearsal.add({"x": float(number), "who": f"caller {number}"}, 1.0, 1.0)
    assert len(rehearsal._segments["who"]) <= 51
    assert len(rehearsal._segments["x"]) <= 4
    assert rehearsal.found().share == 0
