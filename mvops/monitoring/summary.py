"""Summaries: everything that monitoring needs to know of one version's rows in one bucket of time, in a bounded size.

All numbers in it are whole, so merging two summaries is exact: associative and commutative to the last bit, and any
window is a merge of its buckets. Reading the same rows again gives the same bytes, in whatever order they come.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import reduce

import numpy as np
from pydantic import Field

from mvops.core.frozen import Frozen
from mvops.monitoring import performance
from mvops.monitoring.baseline import Baseline, prediction_columns
from mvops.monitoring.blocks import hour_counts
from mvops.monitoring.clock import bucket_index, index_start
from mvops.monitoring.columns import Coded, Column, Floats, Ints, Rows
from mvops.monitoring.performance import Performance
from mvops.monitoring.profile import Profile
from mvops.monitoring.tallies import Tally, tally

_KEPT_NEW = 32
_LATENCY_BINS = 40
_LATENCY_FIRST_US = 100.0  # bins grow by the square root of two from 0.1 ms to about 100 s


class ColumnSummary(Frozen):
    """One column, measured with the baseline's ruler. `sums` and `squares` are fixed-point (tallies.py).

    `new` names categories that the baseline never saw, with their exact counts: all of them up to 32, beyond that the
    32 whose names hash lowest, an unbiased sample that merges exactly. Their total is the last of `counts`.
    """

    counts: tuple[int, ...]
    missing: int
    infinite: int = 0
    sums: int = 0
    squares: int = 0
    low: float | None = None
    high: float | None = None
    new: dict[str, int] = Field(default_factory=dict)

    @property
    def present(self) -> int:
        """Rows with a value."""
        return sum(self.counts)


class Latency(Frozen):
    """Of the rows' requests: microseconds, and a histogram on fixed logarithmic bins."""

    rows: int = 0
    total_us: int = 0
    max_us: int = 0
    counts: tuple[int, ...] = ()

    def quantile(self, share: float) -> float | None:
        """In milliseconds, the upper end of the bin in which it lies (at most 41 % too high); None without rows."""
        if not self.rows:
            return None
        place = int(np.searchsorted(np.cumsum(self.counts), share * self.rows))
        return float(min(_LATENCY_FIRST_US * 2 ** (place / 2), self.max_us) / 1000)


class Summary(Frozen):
    """Of the rows in [start, end). `hours` counts rows by hour of the week, where there are any."""

    start: datetime
    end: datetime
    rows: int
    hours: dict[int, int]
    features: dict[str, ColumnSummary]
    predictions: dict[str, ColumnSummary]
    latency: Latency = Latency()
    performance: Performance

    def to_json(self) -> str:
        """Equal summaries have equal text."""
        return self.model_dump_json()

    @classmethod
    def from_json(cls, text: str) -> Summary:
        """What `to_json` wrote."""
        return cls.model_validate_json(text)


def summarise(baseline: Baseline, rows: Rows, start: datetime, end: datetime) -> Summary:
    """One bucket. Where `rows` carries outcomes, their performance is measured as well."""
    return _grouped(baseline, rows, np.zeros(rows.count, np.int64), [(start, end)])[0]


def summarise_all(baseline: Baseline, rows: Rows, every: timedelta) -> list[Summary]:
    """Rows with times, by buckets of `every`, in order; buckets without rows are not there.

    Rows without a time are left out.
    """
    assert rows.times is not None
    known = ~np.isnat(rows.times)
    index, found = np.unique(bucket_index(rows.times[known], every), return_inverse=True)
    groups = np.full(rows.count, -1, np.int64)
    groups[known] = found
    starts = [index_start(int(i), every) for i in index]
    return _grouped(baseline, rows, groups, [(start, start + every) for start in starts]) if starts else []


def summarise_outcomes(baseline: Baseline, rows: Rows, start: datetime, end: datetime) -> Summary:
    """Performance only, to be merged into the bucket of the predictions.

    Outcomes come later, and the features of those rows were counted when they were predicted.
    """
    empty = _grouped(baseline, rows.take(np.zeros(0, np.int64)), np.zeros(0, np.int64), [(start, end)])[0]
    return empty.model_copy(update={"performance": _performance(baseline, rows)})


def merge(a: Summary, b: Summary) -> Summary:
    """Both, exactly; the order does not matter. They must come from the same baseline."""
    return Summary(
        start=min(a.start, b.start),
        end=max(a.end, b.end),
        rows=a.rows + b.rows,
        hours=dict(sorted((h, a.hours.get(h, 0) + b.hours.get(h, 0)) for h in {*a.hours, *b.hours})),
        features=_merge_columns(a.features, b.features),
        predictions=_merge_columns(a.predictions, b.predictions),
        latency=_merge_latency(a.latency, b.latency),
        performance=performance.merge(a.performance, b.performance),
    )


def merge_all(summaries: Iterable[Summary]) -> Summary:
    """At least one summary."""
    return reduce(merge, summaries)


def as_tally(columns: Sequence[ColumnSummary]) -> Tally:
    """One column in several windows as a tally with a group for each."""

    def floats(name: str) -> Floats:
        return np.array([getattr(column, name) for column in columns], np.float64)

    return Tally(
        counts=np.array([column.counts for column in columns], np.int64),
        missing=np.array([column.missing for column in columns], np.int64),
        infinite=np.array([column.infinite for column in columns], np.int64),
        sums=floats("sums"),
        squares=floats("squares"),
        low=floats("low"),
        high=floats("high"),
    )


def _grouped(baseline: Baseline, rows: Rows, groups: Ints, windows: list[tuple[datetime, datetime]]) -> list[Summary]:
    count = len(windows)
    features = {
        name: _columns(profile, rows.features.get(name), groups, count) for name, profile in baseline.features.items()
    }
    answers = prediction_columns(rows)
    predictions = {
        name: _columns(profile, answers.get(name), groups, count) for name, profile in baseline.predictions.items()
    }
    order = np.argsort(groups, kind="stable")
    ends = np.searchsorted(groups[order], np.arange(count + 1))
    found = []
    for g, (start, end) in enumerate(windows):
        mine = order[ends[g] : ends[g + 1]]
        hours = hour_counts(None if rows.times is None else rows.times[mine])
        found.append(
            Summary(
                start=start,
                end=end,
                rows=len(mine),
                hours={h: int(hours[h]) for h in np.flatnonzero(hours).tolist()},
                features={name: columns[g] for name, columns in features.items()},
                predictions={name: columns[g] for name, columns in predictions.items()},
                latency=_latency(None if rows.latency_ms is None else rows.latency_ms[mine]),
                performance=_performance(baseline, _answers(rows, mine)),
            )
        )
    return found


def _answers(rows: Rows, index: Ints) -> Rows:
    if rows.outcomes is None:
        return Rows(features={})
    return Rows({}, rows.predictions, rows.probabilities, rows.outcomes).take(index)


def _columns(profile: Profile, column: Column | None, groups: Ints, count: int) -> list[ColumnSummary]:
    if column is None:  # not there at all: missing in every row
        gone = np.full(len(groups), np.nan)
        column = Coded(np.full(len(groups), -1, np.int64), ()) if profile.ruler.kind == "category" else gone
    counted = tally(profile.ruler, column, groups, count)
    new = _new(profile, column, groups, count)
    return [
        ColumnSummary(
            counts=tuple(counted.counts[g].tolist()),
            missing=int(counted.missing[g]),
            infinite=int(counted.infinite[g]),
            sums=int(counted.sums[g]),
            squares=int(counted.squares[g]),
            low=_known(counted.low[g]),
            high=_known(counted.high[g]),
            new=new[g],
        )
        for g in range(count)
    ]


def _new(profile: Profile, column: Column, groups: Ints, count: int) -> list[dict[str, int]]:
    found: list[dict[str, int]] = [{} for _ in range(count)]
    if not isinstance(column, Coded) or profile.ruler.unbounded:
        return found
    unseen = profile.ruler.new_labels(column.labels)
    if not len(unseen):
        return found
    is_new = np.zeros(len(column.labels) + 1, bool)
    is_new[unseen] = True
    rows = is_new[column.codes] & (groups >= 0)
    size = len(column.labels)
    cells, counts = np.unique(groups[rows] * size + column.codes[rows], return_counts=True)
    for cell, times in zip(cells.tolist(), counts.tolist(), strict=True):
        found[cell // size][column.labels[cell % size]] = times
    return [_lowest(one) for one in found]


def _lowest(new: dict[str, int]) -> dict[str, int]:
    kept = sorted(new, key=_name_hash)[:_KEPT_NEW] if len(new) > _KEPT_NEW else sorted(new)
    return {name: new[name] for name in sorted(kept)}


def _name_hash(name: str) -> bytes:
    return hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _performance(baseline: Baseline, rows: Rows) -> Performance:
    reference = baseline.performance
    empty = performance.nothing(reference.classes, reference.centre, reference.scale)
    if rows.outcomes is None or rows.predictions is None or not len(rows.outcomes):
        return empty
    return performance.measure(empty, rows.predictions, rows.outcomes, rows.probabilities)


def _latency(values: Floats | None) -> Latency:
    if values is None or not len(values):
        return Latency()
    us = np.rint(np.clip(np.nan_to_num(values), 0, 1e9) * 1000).astype(np.int64)
    bins = np.ceil(2 * np.log2(np.maximum(us, 1) / _LATENCY_FIRST_US)).clip(0, _LATENCY_BINS - 1).astype(np.int64)
    counts = np.bincount(bins, minlength=_LATENCY_BINS)
    return Latency(rows=len(us), total_us=int(us.sum()), max_us=int(us.max()), counts=tuple(counts.tolist()))


def _merge_latency(a: Latency, b: Latency) -> Latency:
    if not a.rows or not b.rows:
        return a if a.rows else b
    counts = tuple(x + y for x, y in zip(a.counts, b.counts, strict=True))
    return Latency(
        rows=a.rows + b.rows, total_us=a.total_us + b.total_us, max_us=max(a.max_us, b.max_us), counts=counts
    )


def _merge_columns(a: Mapping[str, ColumnSummary], b: Mapping[str, ColumnSummary]) -> dict[str, ColumnSummary]:
    return {name: _merge_column(a[name], b[name]) for name in a if name in b}


def _merge_column(a: ColumnSummary, b: ColumnSummary) -> ColumnSummary:
    lows = [value for value in (a.low, b.low) if value is not None]
    highs = [value for value in (a.high, b.high) if value is not None]
    new = {name: a.new.get(name, 0) + b.new.get(name, 0) for name in {*a.new, *b.new}}
    return ColumnSummary(
        counts=tuple(x + y for x, y in zip(a.counts, b.counts, strict=True)),
        missing=a.missing + b.missing,
        infinite=a.infinite + b.infinite,
        sums=a.sums + b.sums,
        squares=a.squares + b.squares,
        low=min(lows, default=None),
        high=max(highs, default=None),
        new=_lowest(new),
    )


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
