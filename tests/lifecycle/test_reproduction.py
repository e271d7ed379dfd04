"""What a version that was made again is said to be, and where it differs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from mvops.core.version import Environment
from mvops.lifecycle.reproduction import Difference, Made, compare, judge, largest_difference
from mvops.lifecycle.scores import Scores


def scores(*of_the_second: float) -> Scores:
    second = np.array(of_the_second)
    raw = (second > 0.5).astype(int)
    probabilities = np.column_stack([1 - second, second])
    return Scores("LogisticRegression", raw, raw, raw, (0, 1), 2, probabilities, probabilities)


def made(**changed: Any) -> Made:
    usual: dict[str, Any] = {
        "data": {"data_path": "d1"},
        "cells": {"train": "c1"},
        "parameters": {"C": 1.0},
        "environment": Environment(python="3.11.7", platform="linux-x86_64", packages={"numpy": "2.1.0"}),
        "imports": {"pandas": "2.3.0"},
        "metrics": {"roc_auc": 0.8},
        "rows": pd.DataFrame({"age": [1.0, None], "y": [0, 1]}),
        "scores": scores(0.2, 0.8),
    }
    return Made(**(usual | changed))


def differences(**changed: Any) -> tuple[Difference, ...]:
    return compare(made(), made(**changed), 1e-9)[0]


def environment(numpy: str) -> Environment:
    return Environment(python="3.11.7", platform="linux-x86_64", packages={"numpy": numpy})


def test_the_same_is_equal_and_every_part_was_looked_at() -> None:
    found, counted = compare(made(), made(), 0.0)
    assert judge(found, repeats=True, unseeded=()) == ("equal", "")
    assert counted == {
        "data": 1,
        "cells": 1,
        "parameters": 1,
        "environment": 4,
        "metrics": 1,
        "rows": 2,
        "predictions": 2,
    }


@pytest.mark.parametrize(
    ("changed", "part", "name", "again"),
    [
        ({"data": {"data_path": "d2"}}, "data", "data_path", "d2"),
        ({"cells": {}}, "cells", "train", None),
        ({"parameters": {"C": 2.0}}, "parameters", "C", 2.0),
        ({"environment": environment("2.2.0")}, "environment", "numpy", "2.2.0"),
        ({"imports": {"pandas": "3.0.0"}}, "environment", "pandas", "3.0.0"),
        ({"metrics": {"roc_auc": 0.81}}, "metrics", "roc_auc", 0.81),
        ({"metrics": {}}, "metrics", "roc_auc", None),
        ({"rows": pd.DataFrame({"age": [1.0, 2.0], "y": [0, 1]})}, "rows", "age", "1 differ"),
        ({"rows": pd.DataFrame({"age": [1.0]})}, "rows", "shape", "1 rows, 1 columns"),
        ({"scores": scores(0.2, 0.7)}, "predictions", "held-out rows", "1 differ"),
    ],
)
def test_each_difference_is_named(changed: dict[str, Any], part: str, name: str, again: Any) -> None:
    (found,) = differences(**changed)
    assert (found.part, found.name, found.again) == (part, name, again)


def test_numbers_within_the_tolerance_are_equal() -> None:
    near = made(metrics={"roc_auc": 0.81}, scores=scores(0.21, 0.8))
    assert compare(made(), near, 0.1)[0] == ()
    assert largest_difference(made().scores, near.scores) == pytest.approx(0.01)


def test_imports_that_only_one_side_wrote_down_are_no_difference() -> None:
    assert differences(imports={}) == ()


def test_another_environment_excuses_other_numbers_and_only_these() -> None:
    release = {"environment": environment("2.2.0")}
    verdict, reason = judge(differences(**release, metrics={"roc_auc": 0.7}), repeats=True, unseeded=())
    assert (verdict, reason) == ("not_comparable", "it was trained with other releases: numpy 2.1.0 -> 2.2.0")
    verdict, reason = judge(differences(**release), repeats=None, unseeded=())
    assert (verdict, reason) == ("equal", "although the environment is another: numpy 2.1.0 -> 2.2.0")


def test_a_training_that_does_not_repeat_itself_says_nothing_about_the_version() -> None:
    found = differences(metrics={"roc_auc": 0.7})
    verdict, reason = judge(found, repeats=False, unseeded=("cell 5: RandomForestClassifier",))
    assert verdict == "not_comparable"
    assert reason.endswith("nothing seeds cell 5: RandomForestClassifier")
    assert judge(found, repeats=True, unseeded=()) == ("different", "")
