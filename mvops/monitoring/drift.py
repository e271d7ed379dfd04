"""Distances between two distributions given as counts in the same bins. None means: not computable, a side is empty.

The formulas are the usual ones and equal SciPy's where SciPy has them (the tests compare).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from mvops.monitoring.columns import Floats, Ints
from mvops.monitoring.tails import chi2_sf

Counts: TypeAlias = Sequence[int] | Ints | Floats


@dataclass(frozen=True)
class ChiSquared:
    """Pearson's test that both samples come from one distribution; `p` is its p-value."""

    statistic: float
    dof: int
    p: float


def psi(current: Counts, reference: Counts, floor: float = 1e-4) -> float | None:
    """Population stability index, sum of (p - q) ln(p / q); an empty bin counts as a share of `floor`, as in Evidently.

    Two normal distributions with the same spread whose means differ by d standard deviations have a PSI of d squared.
    """
    shares = _shares(current, reference)
    if shares is None:
        return None
    used = (shares[0] > 0) | (shares[1] > 0)
    p, q = (np.where(side == 0, floor, side)[used] for side in shares)
    return float(np.sum((p - q) * np.log(p / q)))


def jensen_shannon(current: Counts, reference: Counts) -> float | None:
    """Jensen-Shannon distance, natural logarithm: 0 for equal distributions, sqrt(ln 2) for disjoint ones."""
    shares = _shares(current, reference)
    if shares is None:
        return None
    p, q = shares
    middle = (p + q) / 2
    return math.sqrt(max(0.0, (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2))


def ks_distance(current: Counts, reference: Counts) -> float | None:
    """Kolmogorov-Smirnov distance between the binned distributions; bins must be in order."""
    shares = _shares(current, reference)
    return None if shares is None else float(np.max(np.abs(np.cumsum(shares[0] - shares[1]))))


def wasserstein(current: Counts, reference: Counts, positions: Sequence[float] | Floats) -> float | None:
    """Earth mover's distance when each bin's mass sits at its position (rising)."""
    shares = _shares(current, reference)
    if shares is None:
        return None
    lifted = np.abs(np.cumsum(shares[0] - shares[1]))[:-1]
    return float(np.sum(lifted * np.diff(np.asarray(positions, np.float64))))


def chi_squared(current: Counts, reference: Counts) -> ChiSquared | None:
    """Pearson's chi-squared test of homogeneity over the bins that either side uses, without continuity correction."""
    found = divergence(current, reference)
    a, b = np.asarray(current, np.float64), np.asarray(reference, np.float64)
    dof = int(np.count_nonzero(a + b)) - 1
    if found is None or dof < 1:
        return None
    statistic = found / (1 / a.sum() + 1 / b.sum())
    return ChiSquared(statistic, dof, chi2_sf(statistic, dof))


def divergence(current: Counts, reference: Counts) -> float | None:
    """Chi-squared divergence: sum of (p - q)^2 over the pooled share.

    Pearson's statistic divided by its sample size, so it does not grow with the number of rows; for small differences
    it equals PSI.
    """
    shares = _shares(current, reference)
    if shares is None:
        return None
    pooled = np.asarray(current, np.float64) + np.asarray(reference, np.float64)
    used = pooled > 0
    return float(np.sum((shares[0] - shares[1])[used] ** 2 / (pooled[used] / pooled.sum())))


def _shares(current: Counts, reference: Counts) -> tuple[Floats, Floats] | None:
    p, q = np.asarray(current, np.float64), np.asarray(reference, np.float64)
    if not p.sum() > 0 or not q.sum() > 0:
        return None
    return p / p.sum(), q / q.sum()


def _relative_entropy(p: Floats, q: Floats) -> float:
    used = p > 0
    return float(np.sum(p[used] * np.log(p[used] / q[used])))
