from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import reduce

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvops.monitoring.baseline import build_baseline
from mvops.monitoring.columns import Rows, make_rows
from mvops.monitoring.summary import (
    Summary,
    merge,
    merge_all,
    summarise,
    summarise_all,
    summarise_outcomes,
)

START = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)
KINDS = {"x": "number", "c": "category", "when": "datetime"}


@pytest.fixture(scope="module")
def known(signature):
    return signature(KINDS, task="classification", classes=("no", "yes"), probabilities=True)


def rows(known, size, seed=0, extra=()) -> Rows:
    rng = np.random.default_rng(seed)
    score = rng.random(size)
    made = make_rows(
        known,
        {
            "x": np.where(rng.random(size) < 0.1, np.nan, rng.lognormal(0, 3, size)),
            "c": [*extra, *rng.choice(["a", "b", "c"], size - len(extra))],
            "when": ["2026-01-01"] * size,
        },
        predictions=np.where(score > 0.5, "yes", "no"),
        probabilities=np.column_stack([1 - score, score]),
        outcomes=np.where(rng.random(size) < score, "yes", "no"),
        times=np.datetime64("2026-03-02", "us") + (rng.random(size) * 3 * 86_400e6).astype("timedelta64[us]"),
    )
    return Rows(**{**made.__dict__, "latency_ms": rng.exponential(4, size)})


@pytest.fixture(scope="module")
def baseline(known):
    return build_baseline(known, rows(known, 3000), metrics=("roc_auc",))


def test_any_split_and_order_gives_the_same_bytes(known, baseline):
    all_rows = rows(known, 1000, seed=1, extra=[f"new{i}" for i in range(100)])
    whole = summarise(baseline, all_rows, START, START + DAY)

    @settings(max_examples=10)
    @given(st.lists(st.integers(0, 4), min_size=1000, max_size=1000), st.randoms(use_true_random=False))
    def check(part_of, random):
        groups = [np.flatnonzero(np.array(part_of) == p) for p in range(5)]
        parts = [summarise(baseline, all_rows.take(g), START, START + DAY) for g in groups]
        random.shuffle(parts)
        assert merge_all(parts).to_json() == whole.to_json()
        assert merge(parts[0], merge_all(parts[1:])).to_json() == whole.to_json()

    check()


def test_json_brings_back_the_same(known, baseline):
    found = summarise(baseline, rows(known, 500, seed=2), START, START + DAY)
    assert Summary.from_json(found.to_json()) == found
    assert Summary.from_json(found.to_json()).to_json() == found.to_json()


def test_by_window_is_each_window_by_itself(known, baseline):
    all_rows = rows(known, 900, seed=3)
    windows = summarise_all(baseline, all_rows, DAY)
    assert [window.start for window in windows] == [START, START + DAY, START + 2 * DAY]
    mine = np.flatnonzero(all_rows.times < np.datetime64("2026-03-03"))
    assert windows[0] == summarise(baseline, all_rows.take(mine), START, START + DAY)
    assert sum(window.rows for window in windows) == 900
    assert reduce(merge, windows).end == START + 3 * DAY


def test_rows_without_a_time_are_in_no_window(known, baseline):
    late = Rows(**{**rows(known, 50).__dict__, "times": np.full(50, np.datetime64("NaT"))})
    assert summarise_all(baseline, late, DAY) == []


def test_what_is_counted(signature):
    kinds = signature({"x": "number", "c": "category"})
    before = make_rows(kinds, {"x": np.arange(100.0), "c": ["a"] * 60 + ["b"] * 40})
    after = make_rows(kinds, {"x": [-5, 50, np.nan, np.inf, 120, -np.inf], "c": ["a", None, "z", "z", "b", "y"]})
    found = summarise(build_baseline(kinds, before), after, START, START + DAY)
    x, c = found.features["x"], found.features["c"]
    assert (x.missing, x.infinite, x.present) == (1, 2, 5)
    assert (x.counts[0], x.counts[-1]) == (2, 2)  # -5 and -inf, 120 and inf
    assert (x.low, x.high) == (-5, 120)
    assert (c.counts, c.missing, c.new) == ((1, 1, 0, 3), 1, {"y": 1, "z": 2})


def test_moments_are_those_of_numpy(signature):
    kinds = signature({"x": "number"})
    values = np.random.default_rng(0).normal(5, 2, 2000)
    baseline = build_baseline(kinds, make_rows(kinds, {"x": values}))
    assert baseline.features["x"].mean == pytest.approx(values.mean(), rel=1e-6)
    assert baseline.features["x"].sd == pytest.approx(values.std(), rel=1e-4)


def test_outcomes_come_later(known, baseline):
    all_rows = rows(known, 400, seed=4)
    without = Rows(**{**all_rows.__dict__, "outcomes": None})
    before = summarise(baseline, without, START, START + DAY)
    labels = summarise_outcomes(baseline, all_rows, START, START + DAY)
    assert (labels.rows, labels.performance.rows) == (0, 400)
    assert merge(before, labels) == summarise(baseline, all_rows, START, START + DAY)


def test_new_categories_do_not_grow_without_bound(known, baseline):
    many = rows(known, 100_000, seed=5, extra=[f"v{i}" for i in range(99_000)])
    found = summarise(baseline, many, START, START + DAY)
    assert len(found.features["c"].new) == 32
    assert found.features["c"].counts[-1] == 99_000
    assert len(found.to_json()) < 8000


def test_latency(known, baseline):
    all_rows = rows(known, 2000, seed=6)
    found = summarise(baseline, all_rows, START, START + DAY).latency
    assert found.rows == 2000
    assert found.total_us == pytest.approx(all_rows.latency_ms.sum() * 1000, abs=1000)
    exact = np.quantile(all_rows.latency_ms, 0.99)
    assert exact <= found.quantile(0.99) <= exact * 1.42
    assert found.quantile(1.0) == found.max_us / 1000
    none = summarise(baseline, rows(known, 0), START, START + DAY).latency
    assert none.quantile(0.5) is None
    wild = Rows(**{**rows(known, 3).__dict__, "latency_ms": np.array([np.nan, np.inf, -1.0])})
    assert summarise(baseline, wild, START, START + DAY).latency.max_us == 10**12


def test_a_column_that_is_gone_is_missing_in_every_row(known, baseline):
    found = summarise(baseline, Rows({}, times=rows(known, 7).times), START, START + DAY)
    assert found.features["x"].missing == found.features["c"].missing == found.predictions["score"].missing == 7
