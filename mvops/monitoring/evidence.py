"""The evidence against one column in one window: each test's value, limit and p-value.

A column's share of the false-alarm budget is divided among its tests by fixed weights (weighted Bonferroni: the sum of
the tests' levels is the column's level, whatever their dependence). Besides the window itself, the average of the last
three and seven windows is tested, which finds smaller shifts that last.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import numpy as np

from mvops.monitoring.profile import Profile, shape_bins
from mvops.monitoring.summary import ColumnSummary, as_tally
from mvops.monitoring.tails import beta_cdf
from mvops.monitoring.tallies import channel_means, shape_counts
from mvops.monitoring.variation import Deviation, Variation

TRAILS = (3, 7)
SMALLEST_SHARE = 0.01  # a change of a rate by less than one percentage point is not material
_FEW = 30  # rows: below, a share is also held against the exact conditional test
_LEARNING = 8  # windows from which day-to-day variation is learned when the baseline has none

_NUMBER = {"shift": 0.35, "spread": 0.15, "shape": 0.15, "missing": 0.05, "range": 0.05, "trail": 0.25}
_CATEGORY = {"share": 0.35, "shape": 0.30, "missing": 0.05, "new": 0.05, "trail": 0.25}


@dataclass(frozen=True)
class Reading:
    """A channel's mean in one window."""

    mean: float
    rows: int
    deviation: Deviation


@dataclass(frozen=True)
class Evidence:
    """One test. `p` is already divided by the test's weight, so it compares with the column's level."""

    channel: str
    windows: int
    expected: float
    value: float
    deviation: float  # value - expected, or a divergence
    limit: float  # of |deviation|
    effect: float
    p: float
    significant: bool
    material: bool

    @property
    def kind(self) -> Literal["drift", "data"]:
        """Missing values, values out of range and new categories are a matter of the data's quality."""
        return "data" if self.channel in ("missing", "range", "new") else "drift"


def read(profile: Profile, column: ColumnSummary, index: int, every: timedelta) -> dict[str, Reading]:
    """Every channel of the column in a window; a channel without rows is not there."""
    found = {}
    for name, (means, rows) in channel_means(profile.ruler, as_tally(column)).items():
        variation = profile.channels.get(name)
        if variation is not None and rows[0] >= 1:
            mean, count = float(means[0]), int(rows[0])
            found[name] = Reading(mean, count, variation.deviation(mean, count, index, every))
    return found


def weigh(
    profile: Profile, column: ColumnSummary, readings: Sequence[dict[str, Reading]], level: float, effect: float
) -> list[Evidence]:
    """All tests of a column; `readings` are those of consecutive windows, the one to be judged last."""
    shares = sum(name.startswith("share:") for name in readings[-1])
    found = []
    for name, reading in readings[-1].items():
        kind, _, category = name.partition(":")
        weight = _weight(profile, kind) / (shares if category else 1)
        one = _channel(profile, name, reading, level * weight, effect)
        found.append(_scaled(one, weight))
        if kind in ("shift", "share"):
            trail = _weight(profile, "trail") / (shares if category else 1) / len(TRAILS)
            path = [window.get(name) for window in readings]
            for windows in TRAILS:
                longer = _trail(profile, name, path[-windows:], windows, level * trail, effect)
                found += [] if longer is None else [_scaled(longer, trail)]
    shape = _shape(profile, column, level * _weight(profile, "shape"), effect)
    return [*found, *([] if shape is None else [_scaled(shape, _weight(profile, "shape"))])]


def learned(variation: Variation, path: Sequence[Reading]) -> Variation:
    """The variation with what earlier windows showed, for a baseline that is not cut by time: half the mean squared
    difference of neighbours, which a lasting shift hardly moves (von Neumann 1941)."""
    if len(path) < _LEARNING:
        return variation
    means = np.array([r.mean for r in path])
    sampling = variation.within * float(np.mean([1 / r.rows for r in path]))
    between = max(float(np.mean(np.diff(means) ** 2)) / 2 - sampling, 0.0)
    dof = max(2.0, 2 / 3 * (len(path) - 1))
    return variation.model_copy(update={"between": between, "between_high": between, "dof": min(dof, variation.dof)})


def _weight(profile: Profile, test: str) -> float:
    if profile.ruler.kind == "presence" or profile.ruler.size <= 2:
        return 1.0
    if profile.ruler.kind == "number":
        # A constant can only leave its range or be missing
        return _NUMBER[test] if profile.ruler.scale > 0 else 0.5
    return _CATEGORY[test]


def _channel(profile: Profile, name: str, reading: Reading, level: float, effect: float) -> Evidence:
    deviation = reading.deviation
    size = effect_size(name, deviation.expected, reading.mean)
    p = deviation.p
    if name not in ("shift", "spread"):
        p = max(p, _conditional_p(reading, profile.rows))
    return Evidence(
        channel=name,
        windows=1,
        expected=deviation.expected,
        value=reading.mean,
        deviation=deviation.value,
        limit=deviation.limit(level),
        effect=size,
        p=p,
        significant=p <= level,
        material=_material(name, size, deviation.value, effect),
    )


def _trail(
    profile: Profile, name: str, path: Sequence[Reading | None], windows: int, level: float, effect: float
) -> Evidence | None:
    """The last windows together. The last one must itself deviate materially, to the same side: what is over is over."""
    known = [r for r in path if r is not None]
    if len(known) < windows:
        return None
    together = profile.channels[name].trailing([r.deviation.value for r in known], [r.rows for r in known])
    last = known[-1].deviation
    mean, expected = (sum(values) / windows for values in zip(*((r.mean, r.deviation.expected) for r in known)))
    size = effect_size(name, expected, mean)
    lasting = last.value * together.value > 0 and effect_size(name, last.expected, known[-1].mean) >= effect
    return Evidence(
        channel=name,
        windows=windows,
        expected=expected,
        value=mean,
        deviation=together.value,
        limit=together.limit(level),
        effect=size,
        p=together.p,
        significant=together.p <= level,
        material=lasting and _material(name, size, together.value, effect),
    )


def _shape(profile: Profile, column: ColumnSummary, level: float, effect: float) -> Evidence | None:
    if profile.shape is None or not profile.ruler.size:
        return None
    counts, reference = distributions(profile, column)
    found = profile.shape.unlikeness(counts, reference)
    if found is None:
        return None
    size = math.sqrt(max(found.value - found.mean, 0.0))
    p = found.p
    return Evidence(
        channel="shape",
        windows=1,
        expected=found.mean,
        value=found.value,
        deviation=found.value,
        limit=found.limit(level) if p < 100 * level else found.value * 2,
        effect=size,
        p=p,
        significant=p <= level,
        material=size >= effect,
    )


def distributions(profile: Profile, column: ColumnSummary) -> tuple[np.ndarray, np.ndarray]:
    """The window's counts and the baseline's, in the bins that are compared."""
    reference = shape_counts(profile.ruler, np.array(profile.counts, np.int64))
    bins = shape_bins(profile.ruler, reference)
    return shape_counts(profile.ruler, np.array(column.counts, np.int64))[bins], reference[bins]


def effect_size(channel: str, expected: float, value: float) -> float:
    """Standard deviations for shift and spread; for a share Cohen's h, |2 asin sqrt p - 2 asin sqrt q|."""
    if channel in ("shift", "spread"):
        return abs(value - expected)
    p, q = (math.asin(math.sqrt(min(max(share, 0.0), 1.0))) for share in (value, expected))
    return abs(2 * p - 2 * q)


def _material(channel: str, size: float, deviation: float, effect: float) -> bool:
    rate = channel in ("missing", "range", "new")
    return size >= effect and (not rate or abs(deviation) >= SMALLEST_SHARE)


def _conditional_p(reading: Reading, baseline_rows: int) -> float:
    """Two-sided exact p-value that both rates are equal, given the sum of the counts (Przyborowski and Wilenski 1940):
    the normal approximation is too bold where counts are small. 0 where it does not matter."""
    n, expected = reading.rows, min(max(reading.deviation.expected, 0.0), 1.0)
    found = reading.mean * n
    if min(found, expected * n) >= _FEW:
        return 0.0
    before, share = expected * baseline_rows, n / (n + baseline_rows)
    if found >= expected * n:
        one_sided = beta_cdf(share, found, before + 1) if found > 0 else 1.0
    else:
        one_sided = 1 - beta_cdf(share, found + 1, before)
    return min(1.0, 2 * one_sided)


def _scaled(one: Evidence, weight: float) -> Evidence:
    return Evidence(**{**one.__dict__, "p": min(1.0, one.p / weight)})
