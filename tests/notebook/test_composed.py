"""Transformers that are applied by hand become one Pipeline with the model, where the data flow leaves no doubt."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

IMPORTS = """import pandas as pd
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import MinMaxScaler, StandardScaler"""
SPLIT = """X, y = load_iris(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)"""
FIT = "clf = LogisticRegression().fit({0}, y_train)\nprint(clf.score({1}, y_test))"
NAMED = (
    "sc = StandardScaler()\nX_train_s = pd.DataFrame(sc.fit_transform(X_train), columns=X_train.columns)\n"
    "X_test_s = pd.DataFrame(sc.transform(X_test), columns=X_test.columns)"
)
SCALED = "sc = StandardScaler()\nX_train_s = sc.fit_transform(X_train)\nX_test_s = sc.transform(X_test)"


def played(promoted: Any) -> dict[str, Any]:
    """What the promoted notebook leaves behind."""
    left: dict[str, Any] = {}
    for cell in promoted.code:
        exec(cell.source, left)
    return left


@pytest.mark.parametrize(
    ("cells", "transformers"),
    [
        ((SPLIT, NAMED, FIT.format("X_train_s", "X_test_s")), "sc_named"),
        ((SPLIT, NAMED.replace("_s ", " "), FIT.format("X_train", "X_test")), "sc_named"),
        (
            (
                SPLIT,
                NAMED.replace("columns=X_test.columns", "index=X_test.index, columns=X.columns"),
                FIT.format("X_train_s", "X_test_s"),
            ),
            "sc_named",
        ),
        ((SPLIT, SCALED, FIT.format("X_train_s", "X_test_s")), "sc"),
        ((SPLIT, SCALED.replace("_s ", " "), FIT.format("X_train", "X_test")), "sc"),
        (
            (
                SPLIT,
                "sc = MinMaxScaler()\nsc.fit(X_train)",
                "X_train = sc.transform(X_train)\nX_test = sc.transform(X_test)",
                FIT.format("X_train", "X_test"),
            ),
            "sc",
        ),
        (
            (
                SPLIT,
                SCALED,
                "pca = PCA(n_components=2)\nA = pca.fit_transform(X_train_s)\nB = pca.transform(X_test_s)",
                FIT.format("A", "B"),
                "X_test = X_test.head()",
            ),
            "sc, pca",
        ),
    ],
)
def test_the_endpoint_takes_rows_as_they_are_before(promoted: Any, cells: tuple[str, ...], transformers: str) -> None:
    found = promoted(IMPORTS, *cells)
    outputs = found.outputs
    assert outputs["model"] == "served_model"
    assert f"served_model = make_pipeline({transformers}, clf)" in "".join(cell.source for cell in found.code)
    assert not [each for each in found.promotion.findings if each.kind == "skew"]
    left = played(found)
    raw, train = left[outputs["features"]], left[outputs["train_features"]]
    assert isinstance(raw, pd.DataFrame)
    assert list(raw.columns) == list(train.columns) == list(left["X"].columns)
    assert (len(raw), len(train)) == (38, 112)
    scaled = left["B"] if "B" in left else left.get("X_test_s", left["X_test"])
    assert np.array_equal(left["served_model"].predict(raw), left["clf"].predict(scaled))
    assert left["served_model"].score(raw, left[outputs["target"]]) > 0.8


@pytest.mark.parametrize(
    "cells",
    [
        pytest.param(
            (SPLIT + "\n" + SCALED.replace("_s ", " "), FIT.format("X_train", "X_test")), id="lost in its cell"
        ),
        pytest.param((SPLIT, SCALED, FIT.format("X_train", "X_test")), id="not used"),
        pytest.param((SPLIT, SCALED, FIT.format("X_train_s", "X_test")), id="only in training"),
        pytest.param(
            (
                SPLIT,
                SCALED.replace("sc.transform(X_test)", "sc.fit_transform(X_test)"),
                FIT.format("X_train_s", "X_test_s"),
            ),
            id="fitted twice",
        ),
        pytest.param(
            (SPLIT, NAMED.replace("X_test.columns", "list('abcd')"), FIT.format("X_train_s", "X_test_s")),
            id="other names",
        ),
        pytest.param(
            (SPLIT, NAMED.replace("StandardScaler", "PCA"), FIT.format("X_train_s", "X_test_s")), id="other columns"
        ),
        pytest.param((SPLIT, SCALED, "sc = None", FIT.format("X_train_s", "X_test_s")), id="transformer gone"),
        pytest.param(
            (SPLIT, SCALED, "for _ in range(2):\n    X_train_s = X_train_s * 2", FIT.format("X_train_s", "X_test_s")),
            id="changed in a loop",
        ),
        pytest.param(
            (SPLIT, SCALED + "\nX_train_s[0] = 0", FIT.format("X_train_s", "X_test_s")), id="changed in place"
        ),
        pytest.param((SPLIT, SCALED, "X_test_s[:, 0] *= 2", FIT.format("X_train_s", "X_test_s")), id="in a later cell"),
        pytest.param(
            ("from mine import Scaler as StandardScaler", SPLIT, SCALED, FIT.format("X_train_s", "X_test_s")),
            id="not theirs",
        ),
    ],
)
def test_where_it_is_not_certain_nothing_is_composed(promoted: Any, cells: tuple[str, ...]) -> None:
    found = promoted(IMPORTS, *cells)
    assert found.outputs["model"] != "served_model"
