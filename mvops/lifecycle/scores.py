"""What an estimator says about held-out rows, checked and coded so that every metric reads the same numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from mvops.errors import DataError

Array = npt.NDArray[Any]
Task = Literal["classification", "regression"]


@dataclass(frozen=True)
class Scores:
    """One estimator on n rows.

    For a classifier `truth` and `predicted` are codes into `classes`: first those that the estimator knows, in its
    order, then any that only the rows have. `probabilities` and `ranking` are (n, k) for the k known classes;
    `ranking` is what roc_auc sorts by: probabilities, else the decision function. For a regressor they are floats.
    """

    estimator: str
    truth: Array
    predicted: Array
    raw: Array  # predictions as the estimator gave them
    classes: tuple[Any, ...] = ()
    known: int = 0
    probabilities: Array | None = None
    ranking: Array | None = None

    @property
    def rows(self) -> int:
        return len(self.truth)

    @property
    def binary(self) -> bool:
        """Two classes; the second is the positive one, as in scikit-learn."""
        return len(self.classes) == 2

    def need(self, metric: str, values: Array | None, method: str) -> Array:
        """`values`, or a DataError that says why `metric` cannot be had from this estimator."""
        if values is None:
            raise DataError(
                f"{metric} cannot be computed: {self.estimator} has no {method}.",
                hint="Choose a metric of the predicted class, such as accuracy or f1, or an estimator that gives it.",
            )
        if len(self.classes) > self.known:
            unseen = ", ".join(repr(value) for value in self.classes[self.known :][:5])
            raise DataError(
                f"{metric} cannot be computed: the rows hold classes that {self.estimator} never saw: {unseen}.",
                hint="Train on rows that hold every class, or choose accuracy, f1, precision or recall.",
            )
        return values


def score(estimator: Any, features: pd.DataFrame, target: Any, task: Task) -> Scores:
    """Let `estimator` predict every row; DataError if the rows or the answers are unfit to be judged."""
    truth = check_target(target, len(features), task)
    name = type(estimator).__name__
    raw = _flat(_ask(estimator.predict, features, name), len(features), name)
    if task == "regression":
        return Scores(
            name, truth, _finite(_floats(raw, f"the predictions of {name}"), f"The prediction of {name}"), raw
        )
    if bool(pd.isna(raw).any()):
        raise DataError(f"{name} predicted nothing for {int(pd.isna(raw).sum())} of {len(raw)} held-out rows.")
    known = _known_classes(estimator, truth, name)
    classes = _all_classes(known, truth, raw)
    if not set(known) & set(truth.tolist()):
        raise DataError(
            f"The target holds {_some(truth)} but {name} was trained on {_some(np.array(known, dtype=object))}.",
            hint="Give the held-out target in the same form as the target the model was trained on.",
        )
    code = {value: index for index, value in enumerate(classes)}
    probabilities = _matrix(estimator, "predict_proba", features, len(known))
    ranking = probabilities
    if ranking is None:
        ranking = _matrix(estimator, "decision_function", features, len(known))
    return Scores(
        estimator=name,
        truth=np.array([code[value] for value in truth.tolist()], dtype=np.intp),
        predicted=np.array([code[value] for value in raw.tolist()], dtype=np.intp),
        raw=raw,
        classes=classes,
        known=len(known),
        probabilities=probabilities,
        ranking=ranking,
    )


def check_target(target: Any, rows: int, task: Task) -> Array:
    """The target as a one-dimensional array of `rows` values; DataError if it cannot judge anything."""
    values = np.asarray(target)
    values = values.ravel() if values.ndim == 2 and values.shape[1] == 1 else values
    if values.ndim != 1:
        raise DataError(f"The target has the shape {values.shape}: one value for each row is wanted.")
    if rows == 0:
        raise DataError("There are no held-out rows.", hint="Check the split in the notebook and the data it reads.")
    if len(values) != rows:
        raise DataError(f"The held-out features have {rows} rows, the target has {len(values)}.")
    missing = int(pd.isna(values).sum())
    if missing:
        raise DataError(
            f"The target is missing in {missing} of {rows} held-out rows.", hint="Drop these rows in the notebook."
        )
    if task == "regression":
        return _finite(_floats(values, "the target"), "The target")
    if len(set(values.tolist())) < 2:
        raise DataError(
            f"The target holds one class only ({values[0]!s}) in {rows} held-out rows.",
            hint="Hold out rows of at least two classes.",
        )
    return values


def plain(value: Any) -> Any:
    """A NumPy scalar as the Python value it stands for; anything else unchanged."""
    return value.item() if isinstance(value, np.generic) else value


def _ask(method: Callable[[pd.DataFrame], Any], features: pd.DataFrame, name: str) -> Any:
    try:
        return method(features)
    except Exception as error:  # an estimator is anybody's code and may raise anything
        raise DataError(f"{name} cannot score the held-out rows: {type(error).__name__}: {error}") from error


def _flat(answer: Any, rows: int, name: str) -> Array:
    values = np.asarray(answer)
    values = values.ravel() if values.shape == (rows, 1) else values
    if values.shape != (rows,):
        raise DataError(f"{name} answered {rows} rows with the shape {values.shape}: one value for each row is wanted.")
    return values


def _floats(values: Array, what: str) -> Array:
    try:
        return values.astype(float)
    except (TypeError, ValueError) as error:
        raise DataError(f"For a regression, {what} must be numbers: {error}") from error


def _finite(values: Array, name: str) -> Array:
    bad = int((~np.isfinite(values)).sum())
    if bad:
        raise DataError(f"{name} is NaN or infinite in {bad} of {values.size} values for the held-out rows.")
    return values


def _known_classes(estimator: Any, truth: Array, name: str) -> tuple[Any, ...]:
    known = getattr(estimator, "classes_", None)
    if known is None:  # not every classifier follows scikit-learn's convention
        return tuple(np.unique(truth).tolist())
    if isinstance(known, list) and any(isinstance(part, np.ndarray) for part in known):
        raise DataError(f"{name} predicts several targets at once; mvops judges one.")
    return tuple(np.asarray(known).tolist())


def _all_classes(known: tuple[Any, ...], truth: Array, raw: Array) -> tuple[Any, ...]:
    unseen = (set(truth.tolist()) | set(raw.tolist())) - set(known)
    return (*known, *sorted(unseen, key=repr))


def _matrix(estimator: Any, method: str, features: pd.DataFrame, classes: int) -> Array | None:
    ask = getattr(estimator, method, None)
    if ask is None:
        return None
    name = type(estimator).__name__
    values = np.asarray(_ask(ask, features, name), dtype=float)
    if values.ndim == 1 and classes == 2:
        low = 1 - values if method == "predict_proba" else -values
        values = np.column_stack([low, values])
    if values.shape != (len(features), classes):
        raise DataError(f"{name}.{method} answered with the shape {values.shape} for {classes} classes.")
    return _finite(values, f"The answer of {name}.{method}")


def _some(values: Array) -> str:
    distinct = sorted({repr(value) for value in values.tolist()})
    return ", ".join(distinct[:4]) + (", ..." if len(distinct) > 4 else "")
