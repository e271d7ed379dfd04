"""How much a statistic varies from window to window when nothing is wrong, learned from the baseline's own blocks.

A *channel* is the mean over a window's rows of some number: a value, its distance from the centre, "is missing", "is
category x". A block is a stretch of the baseline as long as a window. A channel's mean in a window of n rows has

    mean = expected(phase of the week) + block effect + sampling error
    variance = between + within / n + variance of the expectation itself

`between` is what remains of the blocks' variance after their sampling error. Blocks that resemble their neighbours
(persistence, estimated at lag one) count for less: the expectation has D (1 - r) / (1 + r) effective blocks, the
variance D (1 - r^2) / (1 + r^2) (Bartlett 1946). Tails are Student's t with the degrees of freedom left, fewer where
the blocks' kurtosis says that their tails are heavier; and a deviation that the baseline has itself shown is not rare.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from itertools import pairwise

import numpy as np

from mvops.core.frozen import Frozen
from mvops.monitoring.clock import Phase, phase_count, phase_labels, phases
from mvops.monitoring.columns import Floats, Ints
from mvops.monitoring.tails import chi2_sf, f_sf, inverse, t_isf, t_sf

FEWEST_BLOCKS = 4
# Where blocks are not windows of time, or too few, nothing is known of day-to-day variation: assume this many
# standard deviations of a row.
ASSUMED_BETWEEN = 0.1
_ASSUMED_DOF = 12.0
_SEASON_P = 0.01  # a rhythm is modelled only where the blocks show it at this level
_CAUTION = 0.9  # confidence of the upper bound on `between` for windows larger than the blocks


@dataclass(frozen=True)
class Series:
    """A channel's mean in each block: the blocks' window numbers (rising), rows and means."""

    index: Ints
    rows: Floats
    means: Floats


@dataclass(frozen=True)
class Deviation:
    """How far a mean is from what was expected, and that difference's standard deviation and tail."""

    value: float
    expected: float
    sd: float
    dof: float
    largest: float
    blocks: int

    @property
    def p(self) -> float:
        """Two-sided p-value."""
        score = abs(self.value) / self.sd
        rare = 2 * t_sf(score, self.dof)
        return max(rare, 1 / (self.blocks + 1)) if score <= self.largest else rare

    def limit(self, p: float) -> float:
        """The absolute deviation whose p-value is `p`."""
        return self.sd * max(t_isf(p / 2, self.dof), self.largest)


class Variation(Frozen):
    """One channel's variation; variances are of means, in the channel's squared unit, but `within` is of one row."""

    phase: Phase
    expected: tuple[float | None, ...]  # by phase; None where the baseline has no block
    level: float
    within: float
    between: float
    between_high: float
    sampling: float  # the blocks' own sampling variance, on average
    reference: float  # variance of an expected value; of the average over k different phases 1/k of it, but at least
    level_error: float  # the variance of the blocks' overall mean
    stray: float  # variance between phases: added where the baseline has no block of the phase
    persistence: float
    dof: float
    largest: float  # largest standardised deviation of a block
    blocks: int

    def deviation(self, mean: float, rows: int, index: int, every: timedelta) -> Deviation:
        """Of a window's mean over `rows` rows; `index` is the window's number."""
        expected, stray = self.expectation(index, every)
        variance = self._between(rows) + self.within / rows + self.reference + stray
        return self._deviation(mean - expected, expected, variance)

    def trailing(self, deviations: Sequence[float], rows: Sequence[int]) -> Deviation:
        """Of the average of consecutive windows' deviations."""
        k = len(rows)
        r = self._block_persistence()
        together = 1 + 2 * sum((1 - j / k) * r**j for j in range(1, k))
        between = sum(self._between(n) for n in rows) / k
        variance = between * together / k + sum(self.within / n for n in rows) / k**2
        variance += self.reference if self.phase == "none" else max(self.reference / k, self.level_error)
        found = self._deviation(sum(deviations) / k, self.level, variance)
        dof = max(1.0, found.dof / (1 + (k - 1) * self.persistence))
        return Deviation(found.value, found.expected, found.sd, dof, 0.0, self.blocks)

    def expectation(self, index: int, every: timedelta) -> tuple[float, float]:
        """The mean expected in a window, and the extra variance if its phase was never seen."""
        label = _phase_label(index, every, self.phase)
        known = self.expected[label] if label < len(self.expected) else None
        return (self.level, self.stray) if known is None else (known, 0.0)

    def _block_persistence(self) -> float:
        """Of the block effects alone: sampling errors do not persist, so it is more than that of the blocks' means.

        A standard error on top, since too little would make a lasting swing look rare.
        """
        if self.persistence <= 0 or self.between <= 0:
            return 0.0
        careful = self.persistence + 1 / math.sqrt(self.blocks)
        return min(0.95, careful * (self.between + self.sampling) / self.between)

    def _between(self, rows: int) -> float:
        if self.sampling <= 0:
            return self.between
        larger = max(0.0, 1 - self.within / rows / self.sampling)
        return max(self.between, self.between_high * larger)

    def _deviation(self, value: float, expected: float, variance: float) -> Deviation:
        return Deviation(value, expected, math.sqrt(max(variance, 1e-18)), self.dof, self.largest, self.blocks)


def fit_variation(series: Series, within: float, level: float, every: timedelta, *, timed: bool) -> Variation:
    """Learn a channel's variation from its blocks; `level` is the mean over all rows, `within` a row's variance."""
    within = max(within, 1e-12)
    blocks = len(series.rows)
    if blocks < FEWEST_BLOCKS:
        return _assumed(within, level, float(series.rows.sum()), blocks)
    phase, labels = _rhythm(series, every) if timed else ("none", np.zeros(blocks, np.int64))
    means, counts = _phase_means(series.means, labels, phase_count(every, phase))
    rest = series.means - means[labels]
    groups = int(np.count_nonzero(counts))
    r = _persistence(rest, series.index)
    effective = max(2.0, blocks * (1 - r) / (1 + r))
    dof = max(1.0, (blocks - groups) * (1 - r * r) / (1 + r * r))
    variance = float(rest @ rest) / (blocks - groups) / (1 - 1 / effective + 1 / blocks)
    sampling = within * float(np.mean(1 / series.rows))
    floor = 0.0 if timed else ASSUMED_BETWEEN**2 * within
    between = max(floor, variance - sampling)
    high = variance * dof / max(inverse(lambda x: chi2_sf(x, dof), _CAUTION), 1e-9) - sampling
    scores = rest / np.sqrt(between + within / series.rows)
    return Variation(
        phase=phase,
        expected=tuple(_short(m) if c else None for m, c in zip(means.tolist(), counts.tolist(), strict=True)),
        level=_short(float(series.means.mean())),
        within=_short(within),
        between=_short(between),
        between_high=_short(max(between, high)),
        sampling=_short(sampling),
        reference=_short((between + sampling) / min(effective, blocks / groups)),
        level_error=_short((between + sampling) / effective),
        stray=_short(float(np.var(means[counts > 0]))),
        persistence=_short(r),
        dof=_short(min(dof, tail_dof(scores))),
        largest=_short(float(np.max(np.abs(scores)))),
        blocks=blocks,
    )


def tail_dof(scores: Floats) -> float:
    """Degrees of freedom of the t with these scores' kurtosis (excess 6 / (dof - 4)), less what chance explains."""
    centred = scores - scores.mean()
    square = float(np.mean(centred**2))
    if square <= 0:
        return 1e6
    excess = float(np.mean(centred**4)) / square**2 - 3 - math.sqrt(24 / len(scores))
    return 4 + 6 / excess if excess > 1e-5 else 1e6


def persistence(values: Floats, index: Ints) -> float:
    """Lag-one autocorrelation of the blocks' values, corrected for its bias, 0 to 0.95."""
    return _persistence(values - values.mean(), index)


@lru_cache(maxsize=4096)
def _phase_label(index: int, every: timedelta, phase: Phase) -> int:
    return int(phase_labels(np.array([index]), every, phase)[0])


def _persistence(rest: Floats, index: Ints) -> float:
    blocks, total = len(rest), float(rest @ rest)
    pairs = [(a, b) for a, b in pairwise(range(blocks)) if index[b] - index[a] == 1]
    if len(pairs) < blocks / 4:
        pairs = list(pairwise(range(blocks)))
    if total <= 0:
        return 0.0
    product = sum(float(rest[a] * rest[b]) for a, b in pairs) / len(pairs)
    raw = product / (total / blocks)
    return min(0.95, max(0.0, raw + (1 + 3 * raw) / blocks))


def _rhythm(series: Series, every: timedelta) -> tuple[Phase, Ints]:
    """The rhythm that predicts best, among those that the blocks show beyond doubt."""
    blocks = len(series.means)
    flat = series.means - series.means.mean()
    plain = float(flat @ flat)
    best: tuple[float, Phase] = (plain / (blocks - 1) * (1 + 1 / blocks), "none")
    for phase in phases(every)[1:]:
        labels = phase_labels(series.index, every, phase)
        means, counts = _phase_means(series.means, labels, phase_count(every, phase))
        groups = int(np.count_nonzero(counts))
        if groups < 2 or blocks < max(3 * groups, groups + 8):
            continue
        rest = series.means - means[labels]
        unexplained = max(float(rest @ rest) / (blocks - groups), 1e-300)
        f = (plain - float(rest @ rest)) / (groups - 1) / unexplained
        if f_sf(f, groups - 1, blocks - groups) < _SEASON_P:
            best = min(best, (unexplained * (1 + groups / blocks), phase))
    return best[1], phase_labels(series.index, every, best[1])


def _phase_means(means: Floats, labels: Ints, count: int) -> tuple[Floats, Ints]:
    sizes = np.bincount(labels, minlength=count)
    sums = np.bincount(labels, weights=means, minlength=count)
    return sums / np.maximum(sizes, 1), sizes


def _assumed(within: float, level: float, rows: float, blocks: int) -> Variation:
    between = ASSUMED_BETWEEN**2 * within
    return Variation(
        phase="none",
        expected=(_short(level),),
        level=_short(level),
        within=_short(within),
        between=_short(between),
        between_high=_short(between),
        sampling=0.0,
        reference=_short(between / max(blocks, 1) + within / max(rows, 1.0)),
        level_error=0.0,
        stray=0.0,
        persistence=0.0,
        dof=_ASSUMED_DOF,
        largest=0.0,
        blocks=blocks,
    )


def _short(value: float) -> float:
    """Eight significant digits: a baseline is stored as text, and more would be noise."""
    return float(f"{value:.8g}")
