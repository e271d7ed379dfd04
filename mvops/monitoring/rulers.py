"""A ruler: the bins and the scale by which a column is measured, fixed when the baseline is taken."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from mvops.core.frozen import Frozen
from mvops.core.signature import ColumnKind
from mvops.monitoring.columns import LABEL_LENGTH, Coded, Column, Floats, Ints

BINS = 20
_MOST_CATEGORIES = 30  # with a bin of their own
_MOST_KNOWN = 1000  # remembered as seen, so that they are not called new
_RAREST = 0.01  # share below which a value has no bin of its own: tests on such bins are unreliable
_MOST_SCALES = 32.0  # a value counts at most this many standard deviations from the centre


class Ruler(Frozen):
    """Bins of a number: under | (e0, e1] | ... | over. Bins of a category: each of `categories`, other, new.

    `presence` columns (dates) have no bins: only missing values are counted. The mean and spread that are tested are
    of `(value - centre) / scale`, cut to [cut_low, cut_high], far outside the usual range, so that single wild values
    and infinities count but do not decide. A constant has scale 0: its changes show as values out of range.
    """

    kind: Literal["number", "category", "presence"]
    edges: tuple[float, ...] = ()
    centre: float = 0.0
    scale: float = 0.0
    cut_low: float = 0.0
    cut_high: float = 0.0
    categories: tuple[str, ...] = ()
    known: tuple[str, ...] = ()  # seen, but too rare for a bin
    unbounded: bool = False  # more values than we remember: none is called new

    @property
    def size(self) -> int:
        """The number of bins."""
        if self.kind == "number":
            return max(len(self.edges) - 1, 0) + 2
        return len(self.categories) + 2 if self.kind == "category" else 0

    def bin_of(self, column: Column) -> Ints:
        """Each row's bin, -1 where the value is missing."""
        if self.kind == "category":
            assert isinstance(column, Coded)
            return self._table(column.labels)[column.codes]
        assert not isinstance(column, Coded)
        if self.kind == "presence" or not self.edges:
            return np.where(np.isnan(column), -1, 0)
        bins = np.searchsorted(np.asarray(self.edges), column, side="left")
        bins[np.isnan(column)] = -1
        return bins

    def standard(self, column: Floats) -> Floats:
        """Values in standard deviations from the centre; missing ones 0."""
        if self.scale <= 0:
            return np.zeros(len(column))
        z = (np.clip(column, self.cut_low, self.cut_high) - self.centre) / self.scale
        return np.nan_to_num(np.clip(z, -_MOST_SCALES, _MOST_SCALES), nan=0.0)

    def new_labels(self, labels: Sequence[str]) -> Ints:
        """The places of the labels that the baseline never saw."""
        seen = {*self.categories, *self.known}
        return np.array([i for i, text in enumerate(labels) if text not in seen], np.int64)

    def _table(self, labels: Sequence[str]) -> Ints:
        other, new = len(self.categories), len(self.categories) + 1
        place = dict.fromkeys(self.known, other) | {text: i for i, text in enumerate(self.categories)}
        unknown = other if self.unbounded else new
        return np.array([*(place.get(text, unknown) for text in labels), -1], np.int64)


def make_ruler(column: Column, kind: ColumnKind, listed: Sequence[str] = ()) -> Ruler:
    """The ruler for a baseline's column; `listed` are categories known from elsewhere, such as the signature."""
    if isinstance(column, Coded):
        return _category_ruler(column, listed)
    if kind == "datetime":
        return Ruler(kind="presence")
    return _number_ruler(column[np.isfinite(column)])


def _number_ruler(values: Floats) -> Ruler:
    if not len(values):
        return Ruler(kind="number")
    low, high = float(values.min()), float(values.max())
    far_low, far_high = (float(q) for q in np.quantile(values, [0.01, 0.99], method="inverted_cdf"))
    reach = far_high - far_low if far_high > far_low else high - low
    cut_low, cut_high = max(far_low - reach, -1e300), min(far_high + reach, 1e300)
    inside = np.clip(values, cut_low, cut_high)
    centre = float(np.median(inside))
    unit = max(float(np.max(np.abs(inside - centre))), 1e-300)  # squares of huge values overflow
    scale = unit * float(np.std((inside - centre) / unit)) if high > low else 0.0
    return Ruler(
        kind="number",
        edges=(math.nextafter(low, -math.inf), *_upper_edges(values)),
        centre=centre,
        scale=scale,
        cut_low=cut_low,
        cut_high=cut_high,
    )


def _upper_edges(values: Floats) -> list[float]:
    """Rising upper ends of bins, each a value of the data: the values themselves when few, else quantiles."""
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) > BINS:
        quantiles = np.quantile(values, np.arange(1, BINS + 1) / BINS, method="inverted_cdf")
        distinct, counts = np.unique(quantiles), np.full(BINS, len(values))
    ends: list[float] = []
    gathered = 0
    for value, count in zip(distinct.tolist(), counts.tolist(), strict=False):
        gathered += count
        if gathered >= _RAREST * len(values):
            ends.append(value)
            gathered = 0
    if gathered and ends:
        ends[-1] = float(distinct[-1])
    return ends


def _category_ruler(column: Coded, listed: Sequence[str]) -> Ruler:
    counts = np.bincount(column.codes[column.codes >= 0], minlength=len(column.labels))
    present = max(int(counts.sum()), 1)
    order = sorted(range(len(column.labels)), key=lambda i: (-int(counts[i]), column.labels[i]))
    own = [i for i in order if counts[i] >= max(_RAREST * present, 1)][:_MOST_CATEGORIES]
    categories = tuple(column.labels[i] for i in own)
    seen = dict.fromkeys([*(column.labels[i] for i in order if counts[i]), *(text[:LABEL_LENGTH] for text in listed)])
    known = [text for text in seen if text not in categories]
    return Ruler(
        kind="category", categories=categories, known=tuple(known[:_MOST_KNOWN]), unbounded=len(known) > _MOST_KNOWN
    )
