"""Read a model's signature off the rows it was trained and evaluated on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types as pdt

from mvops.core.signature import Column, ColumnKind, Signature
from mvops.errors import DataError
from mvops.lifecycle.scores import Array, Task, check_target, plain

MOST_CATEGORIES = 1_000

_INFERRED: dict[str, ColumnKind] = {
    "string": "category",
    "boolean": "boolean",
    "integer": "integer",
    "floating": "number",
    "mixed-integer-float": "number",
    "datetime64": "datetime",
    "datetime": "datetime",
    "date": "datetime",
    "empty": "text",
}


def describe(
    features: pd.DataFrame, target: Any, estimator: Any, task: Task, *, train_features: pd.DataFrame | None = None
) -> Signature:
    """The signature of `estimator`, whose input looks like `features` (the held-out rows).

    Ranges, categories and missing values are those of `features` and, where given, of the same columns of
    `train_features`. The examples are one row of `features`: the first without a missing value if there is one, else
    the first with the fewest. Raises DataError for column names that are no strings or occur twice, for a column whose
    values JSON cannot carry, and for classes that are neither text, number nor boolean.
    """
    _check_names(features)
    check_target(target, len(features), task)
    example = _example_row(features)
    columns = []
    for name in features.columns:
        parts = [features[name]]
        if train_features is not None and name in train_features.columns:
            parts.append(train_features[name])
        columns.append(_column(str(name), parts, example))
    if task == "regression":
        return Signature(columns=tuple(columns), task=task)
    return Signature(
        columns=tuple(columns),
        task=task,
        classes=_classes(estimator, target),
        probabilities=hasattr(estimator, "predict_proba"),
    )


def _check_names(features: pd.DataFrame) -> None:
    names = list(features.columns)
    if not names:
        raise DataError("The features have no columns.")
    odd = [name for name in names if not isinstance(name, str)]
    if odd:
        raise DataError(
            f"Column names must be text; {odd[0]!r} is not.",
            hint="In the notebook, write: features.columns = features.columns.astype(str)",
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"The column {twice[0]!r} occurs twice in the features.", hint="Drop or rename one of them.")


def _example_row(features: pd.DataFrame) -> int:
    missing = features.isna().to_numpy()
    for place, name in enumerate(features.columns):
        if pdt.is_float_dtype(features[name].dtype):  # JSON has no infinity
            missing[:, place] |= np.isinf(features[name].to_numpy(dtype=float, na_value=np.nan))
    return int(missing.sum(axis=1).argmin())


def _column(name: str, parts: list[pd.Series[Any]], example: int) -> Column:
    kinds = {_kind(name, part) for part in parts if part.notna().any()} or {"text"}
    kind = _widest(name, kinds)
    low, high = _range(parts) if kind in {"number", "integer"} else (None, None)
    categories: tuple[str, ...] = ()
    if kind == "category":
        seen = {str(value) for part in parts for value in part.dropna().unique()}
        kind, categories = ("text", ()) if len(seen) > MOST_CATEGORIES else (kind, tuple(sorted(seen)))
    return Column(
        name=name,
        kind=kind,
        nullable=any(bool(part.isna().any()) for part in parts),
        categories=categories,
        low=low,
        high=high,
        example=_example(parts[0].iloc[example]),
    )


def _kind(name: str, values: pd.Series[Any]) -> ColumnKind:
    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return _kind(name, pd.Series(dtype.categories.dropna()))
    if pdt.is_bool_dtype(dtype) and not pdt.is_object_dtype(dtype):
        return "boolean"
    if pdt.is_integer_dtype(dtype):
        return "integer"
    if pdt.is_float_dtype(dtype):
        return "number"
    if pdt.is_datetime64_any_dtype(dtype):
        return "datetime"
    inferred = pdt.infer_dtype(values, skipna=True)
    if inferred not in _INFERRED:
        raise DataError(
            f"The column {name!r} holds {inferred} values ({dtype}), which a JSON request cannot carry.",
            hint="In the notebook, turn it into text, numbers, booleans or timestamps before the model sees it.",
        )
    return _INFERRED[inferred]


def _widest(name: str, kinds: set[ColumnKind]) -> ColumnKind:
    if len(kinds) == 1:
        return next(iter(kinds))
    if kinds == {"integer", "number"}:  # a missing value makes pandas read integers as floats
        return "number"
    raise DataError(
        f"The column {name!r} is {' in one, '.join(sorted(kinds))} in the other of training and held-out rows."
    )


def _range(parts: list[pd.Series[Any]]) -> tuple[float | None, float | None]:
    finite = [values for part in parts if (values := _numbers(part)).size]
    if not finite:
        return None, None
    return min(float(values.min()) for values in finite), max(float(values.max()) for values in finite)


def _numbers(values: pd.Series[Any]) -> Array:
    numbers: Array = pd.to_numeric(values.dropna().astype(object)).to_numpy(dtype=float)
    finite: Array = numbers[np.isfinite(numbers)]
    return finite


def _example(value: Any) -> str | int | float | bool | None:
    if pd.isna(value):
        return None
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    found = plain(value)
    if isinstance(found, float) and not math.isfinite(found):
        return None
    return found if isinstance(found, (str, int, float, bool)) else str(found)


def _classes(estimator: Any, target: Any) -> tuple[str | int | float | bool, ...]:
    known = getattr(estimator, "classes_", None)
    values = np.unique(np.asarray(target)) if known is None else np.asarray(known)
    return tuple(_checked_classes(values.tolist()))


def _checked_classes(values: list[Any]) -> Iterator[str | int | float | bool]:
    for value in values:
        if not isinstance(value, (str, int, float, bool)):
            raise DataError(
                f"The class {value!r} is neither text, number nor boolean, so no answer could carry it.",
                hint="In the notebook, train on a target of text or numbers.",
            )
        yield value
