from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier

from mvops.core.config.model import Evaluate
from mvops.lifecycle.compare import compare_on_new_rows
from mvops.lifecycle.learnt import digests, learnt_from

COLUMNS = ["a", "b", "c"]


def table(count: int, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 9999, count), unit="h")
    return pd.DataFrame({"a": random.normal(size=count), "b": random.integers(0, 99, count), "c": days})


def known(held_out: pd.DataFrame, champion: pd.DataFrame, challenger: pd.DataFrame) -> list[bool] | None:
    theirs, ours = digests(champion, COLUMNS), digests(challenger, COLUMNS)
    assert theirs is not None
    assert ours is not None
    found = learnt_from(held_out, theirs, ours, COLUMNS)
    return None if found is None else found.tolist()


def test_rows_are_known_again_in_any_order_and_by_any_index() -> None:
    before, later = table(100), table(50, seed=1)
    held_out = pd.concat([later[:20], before[::-1][:30]]).reset_index(drop=True)
    assert known(held_out, before, later[20:]) == [False] * 20 + [True] * 30


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows.astype({"b": float}),  # as pandas reads it once a value is missing
        lambda rows: rows.astype({"b": "Int64"}),
        lambda rows: rows[["c", "b", "a"]],
        lambda rows: rows.assign(more=1),
    ],
)
def test_equal_values_are_equal_rows_whatever_their_types_are_called(change) -> None:
    before = table(100)
    assert known(change(before), before, table(50, seed=1)) == [True] * 100


def test_missing_values_and_words_are_values_too() -> None:
    before = pd.DataFrame(
        {"a": [1.0, None, 0.0] * 9, "b": ["x", None, "ü"] * 9, "c": pd.Categorical(["p", "q", "p"] * 9)}
    )
    held_out = before.assign(c=before["c"].astype(object), a=before["a"].replace(0.0, -0.0))
    other = before.assign(b="other")
    assert known(held_out, before, other) == [True] * 27
    assert known(other, before, other[:0]) == [False] * 27


def test_rows_that_are_alike_by_chance_are_nobodys() -> None:
    random = np.random.default_rng(0)
    coarse = pd.DataFrame(random.integers(0, 3, (3000, 3)), columns=COLUMNS)  # 27 different rows
    assert known(coarse[:500], coarse[500:1500], coarse[1500:]) == [False] * 500


def test_a_table_that_has_not_the_champions_columns_tells_nothing() -> None:
    before = table(10)
    assert digests(before[["a", "b"]], COLUMNS) is None
    theirs = digests(before, COLUMNS)
    assert theirs is not None
    assert learnt_from(before[["a"]], theirs, theirs, COLUMNS) is None
    assert learnt_from(before[:0], theirs, theirs, COLUMNS) is None


def test_too_few_new_rows_are_told_and_not_judged_by() -> None:
    rows, target = pd.DataFrame({"x": np.arange(100.0)}), np.arange(100) % 2
    model = DummyClassifier(strategy="uniform", random_state=0).fit(rows, target)
    settings = Evaluate(task="classification", metrics=("accuracy",))

    def compared(new: int, target: np.ndarray = target) -> tuple[int, int, int]:
        found = compare_on_new_rows(model, model, rows, target, settings, np.arange(100) >= new)
        assert found.differences["accuracy"].difference == 0
        return found.rows, found.held_out, found.learnt

    assert compared(100) == (100, 100, 0)
    assert compared(30) == (30, 100, 0)
    assert compared(29) == (100, 100, 71)
    assert compared(40, np.arange(100) // 50) == (100, 100, 60)  # of one class only
