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

from mvops.monitoring.columns import Ints
from mvops.monitoring.drift import divergence
from mvops.monitoring.profile import Profile, shape_bins
from mvops.monitoring.shapes import ShapeVariation, Unlikeness
from mvops.monitoring.summary import ColumnSummary, as_tally
from mvops.monitoring.tails import beta_cdf
from mvops.monitoring.tallies import channel_means, shape_counts
from mvops.monitoring.variation import Deviation, Variation

TRAILS = (3, 7)
SMALLEST_SHARE = 0.01  # a change of a rate by less than one percentage point is not material
_FEW = 30  # rows: below, a share is also held against the exact conditional test
_LEARNING = 8  # windows from which day-to-day variation is learned when the baseline has none
_MEDIAN_OF_SQUARES = 0.4549  # of a squared standard normal value

_NUMBER = {"shift": 0.35, "spread": 0.15, "shape": 0.15, "missing": 0.05, "range": 0.05, "trail": 0.25}
_CATEGORY = {"share": 0.35, "shape": 0.30, "missing": 0.05, "new": 0.05, "trail": 0.25}


@dataclass(frozen=True)
class Path:
    """A channel in consecutive windows, oldest first: mean, rows, and what was expected.

    Windows without rows are not in it; `last` is the deviation of the last one.
    """

    means: Sequence[float]
    rows: Sequence[int]
    expected: Sequence[float]
    last: Deviation


@dataclass(frozen=True)
class Evidence:
    """One test.

    `value` and `expected` are the channel's mean, or the divergence; `effect` see core.config's Monitor. `strength`
    is 1 at the test's limit.
    """

    channel: str
    windows: int
    value: float
    expected: float
    effect: float
    material: bool
    strength: float
    level: float
    weight: float
    tail: Deviation | Unlikeness
    exact_p: float = 0.0

    @property
    def significant(self) -> bool:
        """Beyond the test's limit."""
        return self.strength >= 1

    @property
    def p(self) -> float:
        """Divided by the test's weight, so that it compares with the column's level."""
        return min(1.0, max(self.tail.p, self.exact_p) / self.weight)

    @property
    def deviation(self) -> float:
        """What is compared with the limit."""
        return self.tail.value

    @property
    def limit(self) -> float:
        """Of the deviation, to either side."""
        return self.tail.limit(self.level)

    @property
    def kind(self) -> Literal["drift", "data"]:
        """Missing values, values out of range and new categories are a matter of the data's quality."""
        return "data" if self.channel in ("missing", "range", "new") else "drift"


def read(
    profile: Profile, columns: Sequence[ColumnSummary], windows: Sequence[int], every: timedelta
) -> dict[str, Path]:
    """Every channel of a column in consecutive windows, given with their numbers.

    A channel without rows in the last window is not there.
    """
    found = {}
    for name, (means, rows) in channel_means(profile.ruler, as_tally(columns)).items():
        variation = profile.channels.get(name)
        if variation is None or not np.isfinite(means[-1]):
            continue
        used = np.flatnonzero(np.isfinite(means)).tolist()
        mean, count = float(means[-1]), int(rows[-1])
        found[name] = Path(
            means=[float(means[i]) for i in used],
            rows=[int(rows[i]) for i in used],
            expected=[variation.expectation(windows[i], every)[0] for i in used],
            last=variation.deviation(mean, count, windows[-1], every),
        )
    return found


def weigh(
    profile: Profile, column: ColumnSummary, paths: dict[str, Path], level: float, effect: float
) -> list[Evidence]:
    """All tests of a column; `column` is its summary in the window to be judged, `level` the column's level."""
    shares = sum(name.startswith("share:") for name in paths)
    found = []
    for name, path in paths.items():
        kind, _, category = name.partition(":")
        part = 1 / shares if category else 1.0
        found.append(_channel(profile, name, path, (level, _weight(profile, kind) * part), effect))
        if kind in ("shift", "share"):
            weight = _weight(profile, "trail") * part / len(TRAILS)
            longer = (_trail(profile.channels[name], name, path, n, (level, weight), effect) for n in TRAILS)
            found += [one for one in longer if one is not None]
    shape = _shape(profile, column, level, effect)
    return found if shape is None else [*found, shape]


def learned(variation: Variation, path: Path) -> Variation:
    """The variation with what earlier windows showed, for a baseline that is not cut by time.

    Half the squared difference of neighbours (von Neumann 1941), by its median (0.455 of the mean for normal values),
    so that the one jump with which a lasting shift begins does not hide the windows after it.
    """
    if len(path.rows) <= _LEARNING:
        return variation
    means = np.array(path.means[:-1])
    sampling = variation.within * float(np.mean([1 / n for n in path.rows[:-1]]))
    between = max(float(np.median(np.diff(means) ** 2)) / _MEDIAN_OF_SQUARES / 2 - sampling, 0.0)
    dof = max(2.0, 2 / 3 * (len(means) - 1))
    return variation.model_copy(update={"between": between, "between_high": between, "dof": min(dof, variation.dof)})


def learned_shape(profile: Profile, shape: ShapeVariation, earlier: Sequence[ColumnSummary]) -> ShapeVariation:
    """The same for the distribution: how far earlier windows were from the baseline."""
    if len(earlier) < _LEARNING:
        return shape
    pairs = [distributions(profile, column) for column in earlier]
    found = [(divergence(*pair), 1 / max(float(pair[0].sum()), 1.0)) for pair in pairs]
    beyond = [value - shape.dof * unit for value, unit in found if value is not None]
    if len(beyond) < _LEARNING:
        return shape
    between = max(float(np.median(beyond)), 0.0)
    scale = 1.4826 * float(np.median(np.abs(np.array(beyond) - np.median(beyond))))
    return shape.model_copy(update={"between": between, "spread": max(scale**2, 2 * between**2)})


def distributions(profile: Profile, column: ColumnSummary) -> tuple[Ints, Ints]:
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


def _weight(profile: Profile, test: str) -> float:
    if profile.ruler.kind == "presence" or profile.ruler.size <= 2:
        return 1.0
    if profile.ruler.kind == "number":  # a constant can only leave its range or be missing
        return _NUMBER[test] if profile.ruler.scale > 0 else 1 / 3
    return _CATEGORY[test]


def _channel(profile: Profile, name: str, path: Path, level: tuple[float, float], effect: float) -> Evidence:
    last, mean = path.last, path.means[-1]
    budget, weight = level
    size = effect_size(name, last.expected, mean)
    strength = abs(last.value) / last.limit(budget * weight)
    exact = 0.0
    if strength >= 1 and name not in ("shift", "spread"):
        exact = _conditional_p(mean, path.rows[-1], last.expected, profile.rows)
        strength = strength if exact <= budget * weight else math.log(max(exact, 1e-300)) / math.log(budget * weight)
    material = size >= effect and (abs(last.value) >= SMALLEST_SHARE or name not in ("missing", "range", "new"))
    return Evidence(name, 1, mean, last.expected, size, material, strength, budget * weight, weight, last, exact)


def _trail(
    variation: Variation, name: str, path: Path, windows: int, level: tuple[float, float], effect: float
) -> Evidence | None:
    """The last windows together; the very last must itself deviate to the same side, half as far: over is over."""
    persists = variation.persistence > 2 / math.sqrt(max(variation.blocks, 1))
    if len(path.rows) < windows or persists:  # where days resemble their neighbours, a swing looks like a shift
        return None
    means, expected = path.means[-windows:], path.expected[-windows:]
    deviations = [mean - wanted for mean, wanted in zip(means, expected, strict=True)]
    together = variation.trailing(deviations, path.rows[-windows:])
    mean, wanted = sum(means) / windows, sum(expected) / windows
    size = effect_size(name, wanted, mean)
    lasting = deviations[-1] * together.value > 0 and effect_size(name, expected[-1], means[-1]) >= effect / 2
    limit = together.limit(level[0] * level[1])
    strength = abs(together.value) / limit
    material = lasting and size >= effect
    return Evidence(name, windows, mean, wanted, size, material, strength, level[0] * level[1], level[1], together)


def _shape(profile: Profile, column: ColumnSummary, budget: float, effect: float) -> Evidence | None:
    if profile.shape is None or profile.ruler.size <= 2:
        return None
    weight = _weight(profile, "shape")
    found = profile.shape.unlikeness(*distributions(profile, column))
    if found is None:
        return None
    size = math.sqrt(max(found.value - found.mean, 0.0))
    strength = math.log(max(found.p, 1e-300)) / math.log(budget * weight)
    level = budget * weight
    return Evidence("shape", 1, found.value, found.mean, size, size >= effect, strength, level, weight, found)


def _conditional_p(mean: float, rows: int, expected: float, baseline_rows: int) -> float:
    """Two-sided exact p-value that both rates are equal, given the sum of the counts; 0 where it does not matter.

    Przyborowski and Wilenski 1940. The normal approximation is too bold where counts are small.
    """
    expected, found = min(max(expected, 0.0), 1.0), mean * rows
    if min(found, expected * rows) >= _FEW:
        return 0.0
    before, share = expected * baseline_rows, rows / (rows + baseline_rows)
    if found >= expected * rows:
        one_sided = beta_cdf(share, found, before + 1) if found > 0 else 1.0
    else:
        one_sided = 1 - beta_cdf(share, found + 1, max(before, 1e-9))
    return min(1.0, 2 * one_sided)
