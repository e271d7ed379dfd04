"""How much the whole distribution of a column varies from window to window, and how unusual a window's is.

The statistic is the chi-squared divergence X between a window (n rows) and the baseline (N rows). If all rows came
from one distribution, X / (1/n + 1/N) would be chi-squared with bins - 1 degrees of freedom. Real windows differ by
more: each block against the rest of the baseline gives X's mean and variance beyond that. For a window of another size
the sampling part is exchanged, and X is referred to an F distribution, shifted and scaled to X's mean, variance and
skewness, whose second degrees of freedom say how well the mean is known from the (effectively independent) blocks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mvops.core.frozen import Frozen
from mvops.monitoring.columns import Floats, Ints
from mvops.monitoring.drift import divergence
from mvops.monitoring.tails import f_sf, inverse
from mvops.monitoring.variation import ASSUMED_BETWEEN, FEWEST_BLOCKS, persistence

_ASSUMED_BLOCKS = 10.0
_ROOM = 1.5  # X goes with the square of a shift: this much beyond the most unusual block is a quarter further out


@dataclass(frozen=True)
class Unlikeness:
    """A window's divergence, and the shifted F distribution it is referred to."""

    value: float
    mean: float
    sd: float
    dof1: float
    dof2: float
    largest: float
    blocks: int

    @property
    def p(self) -> float:
        """P(a quiet window's divergence is larger)."""
        score = (self.value - self.mean) / self.sd
        rare = f_sf(1 + score / math.sqrt(self.dof1 / 2), self.dof1, self.dof2)
        return max(rare, 1 / (self.blocks + 1)) if self.value <= self.largest else rare

    def limit(self, p: float) -> float:
        """The divergence whose p-value is `p`."""
        scaled = inverse(lambda x: f_sf(x, self.dof1, self.dof2), p)
        return max(self.largest, self.mean + self.sd * (scaled - 1) * math.sqrt(self.dof1 / 2))


class ShapeVariation(Frozen):
    """Of one column: `between` and `spread` are the mean and variance of X beyond sampling.

    `thinness` corrects the sampling variance for bins with few rows.
    """

    dof: int  # bins - 1
    between: float
    spread: float
    mean: float  # of the blocks' X
    variance: float
    effective: float  # number of independent blocks
    thinness: float
    largest: float  # X of the most unusual block beyond sampling, with room
    blocks: int

    def unlikeness(self, counts: Ints, reference: Ints) -> Unlikeness | None:
        """Of a window's counts against the baseline's; None if there is nothing to compare."""
        value = divergence(counts, reference)
        if value is None or self.dof < 1:
            return None
        rows = float(counts.sum())
        unit = 1 / rows + 1 / float(reference.sum())
        mean = self.between + self.dof * unit
        b, v, k = self.between, self.spread, self.dof
        variance = v + 4 * b * unit + unit**2 * max(2 * k + self.thinness / rows, k)
        # Third moments: of a chi-squared with a random centre, whose own distribution is like a chi-squared's
        third = unit**2 * (8 * k * unit + 24 * b) + 12 * unit * v + (2 * v**2 / b if b > 0 else 0.0)
        third = max(third, 2 * variance**2 / mean)
        dof = 8 * variance**3 / third**2
        precision = 2 * self.mean**2 * self.effective / self.variance if self.variance > 0 else 1e6
        largest = self.largest + self.dof * unit
        return Unlikeness(value, mean, math.sqrt(variance), dof, max(precision, 4.0), largest, self.blocks)


def fit_shape(counts: Ints, index: Ints, total: Ints, *, timed: bool) -> ShapeVariation:
    """Learn from the blocks' counts (blocks, bins), their window numbers and the whole baseline's counts (bins)."""
    used = total > 0
    counts, total = counts[:, used], total[used]
    dof = max(int(used.sum()) - 1, 0)
    full = counts.sum(axis=1) > 0
    counts, index = counts[full], index[full]
    shares = total / max(total.sum(), 1)
    thinness = max(float(np.sum(1 / shares)) - (dof + 1) ** 2 - 2 * dof, -float(dof)) if dof else 0.0
    assumed = ASSUMED_BETWEEN**2
    if len(counts) < FEWEST_BLOCKS or dof < 1:
        return _shape(dof, thinness, (assumed, 2 * assumed**2), (assumed, 2 * assumed**2), (_ASSUMED_BLOCKS, 0.0, 0))
    rows = counts.sum(axis=1).astype(np.float64)
    units = 1 / rows + 1 / np.maximum(total.sum() - rows, 1.0)
    found = np.array([divergence(block, total - block) or 0.0 for block in counts])
    mean, variance = float(found.mean()), float(found.var(ddof=1))
    floor = 0.0 if timed else assumed
    between = max(floor, mean - dof * float(units.mean()))
    sampling = 2 * dof * float(np.mean(units**2)) + 4 * between * float(units.mean())
    spread = max(2 * between**2, variance - sampling)  # at least that of the square of a normal
    r = persistence(found, index)
    effective = max(2.0, len(counts) * (1 - r) / (1 + r))
    between += math.sqrt(variance / effective)  # a standard error on top: too little would make quiet windows look rare
    spread = max(2 * between**2, spread)
    further = _further(len(counts), r**0.5)
    between, spread = between * further, spread * further**2
    beyond = float(np.max(found - dof * units)) * further * _ROOM
    return _shape(dof, thinness, (between, spread), (mean, variance), (effective, beyond, len(counts)))


def _further(blocks: int, r: float) -> float:
    """How much further a later window is, on average, from the blocks' mean than the blocks themselves.

    The blocks lie about their own mean; `r` is the persistence of the column's level, the root of that of X, which
    goes with its square.
    """
    effective = max(3.0, blocks * (1 - r) / (1 + r))
    return (1 + 1 / effective) / (1 - 1 / effective)


def _shape(
    dof: int,
    thinness: float,
    beyond: tuple[float, float],
    blocks: tuple[float, float],
    extent: tuple[float, float, int],
) -> ShapeVariation:
    return ShapeVariation(
        dof=dof,
        between=_short(beyond[0]),
        spread=_short(beyond[1]),
        mean=_short(blocks[0]),
        variance=_short(blocks[1]),
        effective=_short(extent[0]),
        thinness=_short(thinness),
        largest=_short(extent[1]),
        blocks=extent[2],
    )


def _short(value: float) -> float:
    return float(f"{value:.8g}")


def mean_shares(counts: Ints) -> Floats:
    """Each bin's share of the rows; zeros for no rows."""
    shares: Floats = counts / max(float(counts.sum()), 1.0)
    return shares
