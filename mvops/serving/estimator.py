"""Asks a fitted scikit-learn estimator: columns in, plain Python values out.

The only file of this package that imports pandas and scikit-learn; it is imported when the first version is loaded.
"""

from __future__ import annotations

import math
import threading
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import sklearn
from sklearn.pipeline import Pipeline

from mvops.core.signature import Column, Signature
from mvops.errors import ServingError
from mvops.serving.answers import Answers
from mvops.serving.example import example_of
from mvops.serving.forests import Fast, fast_forest

# scikit-learn changes the process's warning filters while it predicts. Two threads that do so at once can leave none,
# and then it warns at every tree. So one at a time asks a model; Python would not let them run side by side anyway.
_ONE_AT_A_TIME = threading.Lock()


class Estimator:
    """A version's estimator with its signature. Any thread may call it; they take turns, all estimators together."""

    def __init__(self, model: Any, signature: Signature) -> None:
        self._signature = signature
        self._labels = {label: label for label in signature.classes}
        split = type(model) is Pipeline and len(model.steps) > 1
        self._before: Any = model[:-1] if split else None
        self._last: Any = model[-1] if split else model
        _run_in_this_thread(model)
        self._categorical = False  # give categories as pandas' own type rather than as texts
        self._fast: Fast | None = None
        self._try()
        with _ONE_AT_A_TIME:
            self._fast = fast_forest(self._last)

    def __call__(self, columns: Sequence[Sequence[Any]]) -> Answers:
        """Predict. `columns` are in the signature's order, as `RowReader` makes them; raises what the model raises."""
        frame = pd.DataFrame(
            {
                column.name: _array(column, values, categorical=self._categorical)
                for column, values in zip(self._signature.columns, columns, strict=True)
            },
            copy=False,
        )
        rows = len(frame)
        quietly = np.errstate(all="ignore")  # what is not finite is told
        with _ONE_AT_A_TIME, sklearn.config_context(skip_parameter_validation=True), quietly:
            if not warnings.filters:  # somebody else's threads did it
                warnings.simplefilter("default")
            ready = frame if self._before is None else self._before.transform(frame)
            probabilities = self._probabilities(ready, rows)
            predictions = self._predictions(ready, rows, probabilities)
        bad = ~_finite(predictions)
        if probabilities is not None:
            bad |= ~_finite(probabilities)
        return Answers(
            predictions=[self._labels.get(value, value) for value in predictions.tolist()],
            probabilities=None if probabilities is None else probabilities.tolist(),
            bad=frozenset(np.flatnonzero(bad).tolist()),
        )

    def _probabilities(self, ready: Any, rows: int) -> np.ndarray[Any, Any] | None:
        if not self._signature.probabilities:
            return None
        fast = self._fast(ready) if self._fast else None
        found = np.asarray(self._last.predict_proba(ready) if fast is None else fast, dtype=np.float64)
        if found.shape != (rows, len(self._signature.classes)):
            raise ValueError(f"the model gave probabilities of the shape {found.shape} for {rows} rows")
        return found

    def _predictions(self, ready: Any, rows: int, probabilities: np.ndarray[Any, Any] | None) -> np.ndarray[Any, Any]:
        if probabilities is not None and _is_argmax(self._last):
            found = self._last.classes_.take(np.argmax(probabilities, axis=1))
        else:
            fast = self._fast(ready) if self._fast and self._signature.task == "regression" else None
            found = np.asarray(self._last.predict(ready) if fast is None else fast)
        if found.shape not in {(rows,), (rows, 1)}:
            raise ValueError(f"the model gave predictions of the shape {found.shape} for {rows} rows")
        found = found.reshape(rows)
        numbers: np.ndarray[Any, Any] = found.astype(np.float64) if self._signature.task == "regression" else found
        return numbers

    def _try(self) -> None:
        """Predict the signature's example; an estimator that wants pandas' categories is found out here."""
        one = example_of(self._signature)
        try:
            self(one)
        except Exception as first:  # noqa: BLE001 -- models raise what they like
            self._categorical = any(column.kind == "category" for column in self._signature.columns)
            try:
                self(one)
            except Exception:  # noqa: BLE001 -- whatever the model raises, the first reason is the one to tell
                raise ServingError(f"the model cannot predict its own example: {first}") from first


def _is_argmax(model: Any) -> bool:
    """Whether `predict` is, by its source, the most probable class; then it need not be asked a second time."""
    predict = type(model).predict  # looked at by name, so that a model without trees does not import them
    return (predict.__module__, predict.__qualname__) == ("sklearn.ensemble._forest", "ForestClassifier.predict")


def _run_in_this_thread(model: Any) -> None:
    """Small batches are slower on several threads than on one; results are the same."""
    parameters = model.get_params(deep=True) if hasattr(model, "get_params") else {}
    names = [name for name, value in parameters.items() if name.split("__")[-1] == "n_jobs" and value not in {None, 1}]
    if names:
        model.set_params(**dict.fromkeys(names, 1))


def _array(column: Column, values: Sequence[Any], *, categorical: bool) -> Any:
    """The values as the type that the column had when the model was fitted, null as NaN or NaT."""
    if column.kind == "number" or (column.kind == "integer" and column.nullable):
        return np.array(values, dtype=np.float64)  # None becomes NaN
    if column.kind == "integer":
        return np.array(values, dtype=np.int64)
    if column.kind == "datetime":
        plain = [None if value is None else value.replace(tzinfo=None) for value in values]
        return np.array(plain, dtype="datetime64[us]").astype("datetime64[ns]")
    if column.kind == "boolean" and not column.nullable:
        return np.array(values, dtype=np.bool_)
    if categorical and column.kind == "category":
        return pd.Categorical(list(values), categories=list(column.categories))
    found = np.empty(len(values), dtype=object)
    found[:] = [math.nan if value is None else value for value in values] if column.nullable else values
    return found


def _finite(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """For each row, whether all of its numbers are finite; texts are."""
    if values.dtype.kind != "f":
        return np.ones(len(values), dtype=np.bool_)
    finite: np.ndarray[Any, Any] = np.isfinite(values).reshape(len(values), -1).all(axis=1)
    return finite
