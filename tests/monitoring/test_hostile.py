"""K7: hostile data give a finite result or none, in bounded memory."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mvops.core.config.model import Monitor
from mvops.monitoring.baseline import Baseline, build_baseline
from mvops.monitoring.columns import make_rows
from mvops.monitoring.summary import Summary, merge, summarise, summarise_all
from mvops.monitoring.verdict import judge

START = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)

NUMBERS = {
    "all null": lambda n: np.full(n, np.nan),
    "constant": lambda n: np.full(n, 5.0),
    "nearly constant": lambda n: np.r_[np.zeros(n - 1), 1e9][:n],
    "infinite": lambda n: np.resize([1.0, np.inf, -np.inf], n),
    "huge": lambda n: np.resize([-1.7e308, 1.7e308, 3.0], n),
    "tiny": lambda n: np.linspace(0, 5e-324, n),
    "usual": lambda n: np.random.default_rng(n).normal(size=n),
}


def finite(text: str) -> bool:
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} in {text[:200]}"))
    return True


def round_trip(known, before, after, times=None) -> tuple[Baseline, Summary]:
    baseline = build_baseline(known, make_rows(known, before, times=times))
    assert Baseline.model_validate_json(baseline.model_dump_json()) == baseline
    found = summarise(baseline, make_rows(known, after), START, START + DAY)
    verdict = judge(baseline, found, Monitor(min_rows=1), history=[found])
    assert finite(baseline.model_dump_json())
    assert finite(found.to_json())
    assert finite(verdict.model_dump_json())
    assert merge(found, found).rows == 2 * found.rows
    return baseline, found


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize("before", NUMBERS)
@pytest.mark.parametrize("after", NUMBERS)
def test_strange_numbers(signature, daily, before, after, timed):
    known = signature({"x": "number"})
    times = daily(10, 40) if timed else None
    round_trip(known, {"x": NUMBERS[before](400)}, {"x": NUMBERS[after](60)}, times)


@pytest.mark.parametrize("rows", [0, 1, 2, 30])
@pytest.mark.parametrize("baseline_rows", [1, 2, 50])
def test_few_rows(signature, rows, baseline_rows):
    known = signature({"x": "number", "c": "category", "t": "text", "d": "datetime", "b": "boolean"})

    def columns(n):
        return {
            "x": np.arange(n),
            "c": [f"c{i % 3}" for i in range(n)],
            "t": ["a"] * n,
            "d": ["x"] * n,
            "b": [True] * n,
        }

    round_trip(known, columns(baseline_rows), columns(rows))


def test_a_hundred_thousand_new_categories(signature, daily):
    known = signature({"c": "category"})
    before = np.resize(["a", "b"], 1000)
    after = [f"{i:08d}" * 20 for i in range(100_000)]
    baseline, found = round_trip(known, {"c": before}, {"c": after}, daily(10, 100))
    assert len(found.to_json()) < 8000
    verdict = judge(baseline, found, Monitor())
    assert "100.00%" in verdict.alarms[0].sentence
    assert len(verdict.alarms[0].sentence) < 500


def test_a_baseline_of_a_hundred_thousand_categories(signature, daily):
    known = signature({"c": "category"})
    values = [f"id{i}" for i in range(100_000)]
    baseline, found = round_trip(known, {"c": values}, {"c": [f"other{i}" for i in range(1000)]}, daily(10, 10_000))
    assert len(baseline.model_dump_json()) < 40_000
    assert judge(baseline, found, Monitor()).alarms == ()


def test_everything_gone_is_told(signature, daily):
    known = signature({"x": "number", "c": "category"})
    usual = {"x": np.random.default_rng(0).normal(size=1000), "c": np.resize(["a", "b"], 1000)}
    baseline, found = round_trip(known, usual, {"x": [None] * 300, "c": [None] * 300}, daily(10, 100))
    assert {f.key for f in judge(baseline, found, Monitor()).alarms} == {"data:x", "data:c"}


def test_a_constant_that_changes_is_told(signature, daily):
    known = signature({"x": "number"})
    baseline, found = round_trip(known, {"x": np.full(1000, 5.0)}, {"x": np.full(300, 6.0)}, daily(10, 100))
    assert "outside 5 to 5" in judge(baseline, found, Monitor()).alarms[0].sentence


def test_a_window_of_another_century(signature, daily):
    known = signature({"x": "number"})
    baseline = build_baseline(known, make_rows(known, {"x": np.arange(1000)}, times=daily(10, 100)))
    times = np.array(["1677-09-22", "2261-01-01", "1970-01-01"], "datetime64[us]")
    windows = summarise_all(baseline, make_rows(known, {"x": [1, 2, 3]}, times=times), DAY)
    assert [w.start.year for w in windows] == [1677, 1970, 2261]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    before=st.lists(st.floats(width=64) | st.none() | st.integers(), min_size=1, max_size=80),
    after=st.lists(st.floats(width=64) | st.none() | st.integers(), max_size=80),
    words=st.lists(st.text() | st.none() | st.booleans(), min_size=1, max_size=80),
)
def test_any_values(signature, before, after, words):
    known = signature({"x": "number"})
    round_trip(known, {"x": before}, {"x": after})
    round_trip(signature({"c": "category"}), {"c": words}, {"c": [*words[::-1], "\ud800"]})
