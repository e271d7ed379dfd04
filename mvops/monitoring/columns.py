"""Rows of JSON values as columns: numbers as float64 with NaN where missing, everything else as codes into labels."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from mvops.core.prediction import Prediction
from mvops.core.signature import ColumnKind, Signature
from mvops.errors import DataError

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]
Times: TypeAlias = npt.NDArray[np.datetime64]

_LARGEST = 1e300
LABEL_LENGTH = 64  # characters of a label that are kept, so that a summary's size has a bound


@dataclass(frozen=True)
class Coded:
    """A column of labels: `codes[i]` is the place of row i's label in `labels`, -1 where the value is missing."""

    codes: Ints
    labels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.codes)


Column: TypeAlias = Floats | Coded


@dataclass(frozen=True)
class Rows:
    """Rows by column. All columns, where given, have one value per row.

    `predictions` and `outcomes` are labels for a classifier and numbers for a regression; `probabilities` is
    (rows, classes) in the signature's order; `times` are UTC without a zone; `latency_ms` is the request's.
    """

    features: Mapping[str, Column]
    predictions: Column | None = None
    probabilities: Floats | None = None
    outcomes: Column | None = None
    times: Times | None = None
    latency_ms: Floats | None = None

    @property
    def count(self) -> int:
        """The number of rows."""
        columns = (*self.features.values(), self.predictions, self.outcomes, self.times)
        return next((len(column) for column in columns if column is not None), 0)

    def take(self, index: Ints) -> Rows:
        """The rows at `index`, in that order."""
        return Rows(
            features={name: take(column, index) for name, column in self.features.items()},
            predictions=None if self.predictions is None else take(self.predictions, index),
            probabilities=None if self.probabilities is None else self.probabilities[index],
            outcomes=None if self.outcomes is None else take(self.outcomes, index),
            times=None if self.times is None else self.times[index],
            latency_ms=None if self.latency_ms is None else self.latency_ms[index],
        )


def make_rows(
    signature: Signature,
    features: Mapping[str, Any],
    *,
    predictions: Any = None,
    probabilities: Any = None,
    outcomes: Any = None,
    times: Any = None,
) -> Rows:
    """Rows from columns of any sort: lists, NumPy arrays, Series.

    A column of the signature that is not there is missing in every row; columns that the signature does not know are
    left out. DataError if lengths differ.
    """
    size = next((len(v) for v in (*features.values(), predictions) if v is not None), 0)
    target: ColumnKind = "category" if signature.task == "classification" else "number"
    rows = Rows(
        features={c.name: column(features.get(c.name, [None] * size), c.kind) for c in signature.columns},
        predictions=None if predictions is None else column(predictions, target),
        probabilities=None if probabilities is None else np.asarray(probabilities, np.float64),
        outcomes=None if outcomes is None else column(outcomes, target),
        times=None if times is None else instants(times),
    )
    _check_lengths(rows, size)
    return rows


def rows_of(signature: Signature, predictions: Sequence[Prediction], outcomes: Sequence[Any] | None = None) -> Rows:
    """Rows of the prediction log, with their outcomes if they are known."""
    target: ColumnKind = "category" if signature.task == "classification" else "number"
    classes = len(signature.classes)
    unknown = (math.nan,) * classes
    scores = [p.probability if p.probability and len(p.probability) == classes else unknown for p in predictions]
    return Rows(
        features={c.name: column([p.inputs.get(c.name) for p in predictions], c.kind) for c in signature.columns},
        predictions=column([p.prediction for p in predictions], target),
        probabilities=np.array(scores, np.float64).reshape(len(scores), classes) if signature.probabilities else None,
        outcomes=None if outcomes is None else column(outcomes, target),
        times=instants([p.time for p in predictions]),
        latency_ms=np.array([p.latency_ms for p in predictions], np.float64),
    )


def columns_of(signature: Signature, rows: Sequence[Mapping[str, Any]]) -> dict[str, Column]:
    """Rows of JSON values as columns; a value that a row does not have is missing."""
    return {c.name: column([row.get(c.name) for row in rows], c.kind) for c in signature.columns}


def column(values: Any, kind: ColumnKind) -> Column:
    """One column. Text is monitored by its length; of a date only whether it is there (0 or NaN)."""
    if kind in ("number", "integer"):
        return numbers(values)
    if kind in ("category", "boolean"):
        return labels(values)
    gone = [is_missing(value) for value in values]
    if kind == "text":
        return np.array([math.nan if g else len(str(v)) for v, g in zip(values, gone, strict=True)], np.float64)
    return np.where(np.array(gone, bool), np.nan, 0.0)


def numbers(values: Any) -> Floats:
    """Float64; None and what is no number become NaN, a number beyond 1e300 (no room to add) infinity."""
    try:
        found = np.array(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        found = np.array([_number(value) for value in values], dtype=np.float64)
    return np.where(np.abs(found) > _LARGEST, np.copysign(np.inf, found), found)


def labels(values: Any) -> Coded:
    """Codes and labels. Values that Python holds equal (True, 1, 1.0) share a label: `1`."""
    if isinstance(values, Coded):
        return values
    index: dict[Any, int] = {}
    raw = values.tolist() if isinstance(values, np.ndarray) else values
    codes = np.fromiter((_code(value, index) for value in raw), np.int64, len(raw))
    return merge_equal(codes, [label(value) for value in index])


def label(value: Any) -> str:
    """How a category or class is written: text as it is, whole numbers and truth values without a point."""
    if isinstance(value, str):
        return value[:LABEL_LENGTH]
    if isinstance(value, (bool, int, float)) and math.isfinite(value) and value == int(value):
        return str(int(value))[:LABEL_LENGTH]
    return str(value)[:LABEL_LENGTH]


def instants(values: Any) -> Times:
    """Times in UTC, in microseconds, without a zone; NaT where missing. DataError if one cannot be read."""
    if isinstance(values, np.ndarray) and values.dtype.kind == "M":
        return values.astype("datetime64[us]")
    return np.array([_instant(value) for value in values], "datetime64[us]")


def take(values: Column, index: Ints) -> Column:
    """The values at `index`."""
    return Coded(values.codes[index], values.labels) if isinstance(values, Coded) else values[index]


def is_missing(value: Any) -> bool:
    """None, NaN or NaT."""
    return value is None or bool(value != value)  # noqa: PLR0124 -- only NaN and NaT differ from themselves


def _code(value: Any, index: dict[Any, int]) -> int:
    if is_missing(value):
        return -1
    try:
        return index.setdefault(value, len(index))
    except TypeError:  # a list or an object, where a category should be
        return index.setdefault(str(value), len(index))


def merge_equal(codes: Ints, texts: Sequence[str]) -> Coded:
    """A column of codes into `texts`, in which some may be the same."""
    place = {text: i for i, text in enumerate(dict.fromkeys(texts))}
    if len(place) == len(texts):
        return Coded(codes, tuple(place))
    table = np.array([*(place[text] for text in texts), -1], np.int64)
    return Coded(table[codes], tuple(place))


def _number(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
    except (TypeError, ValueError):
        return math.nan


def _instant(value: Any) -> np.datetime64:
    if is_missing(value):
        return np.datetime64("NaT", "us")
    if isinstance(value, np.datetime64):
        instant: np.datetime64 = value.astype("datetime64[us]")
        return instant
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        raise DataError(
            f"{value!r} is not a time.", hint="Write times in ISO 8601, such as 2026-11-23T08:30:00Z."
        ) from None
    naive = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    return np.datetime64(naive, "us")


def _check_lengths(rows: Rows, size: int) -> None:
    named: Iterable[tuple[str, Any]] = (
        *rows.features.items(),
        ("predictions", rows.predictions),
        ("probabilities", rows.probabilities),
        ("outcomes", rows.outcomes),
        ("times", rows.times),
    )
    for name, values in named:
        if values is not None and len(values) != size:
            raise DataError(f"{name} has {len(values)} values for {size} rows.")
