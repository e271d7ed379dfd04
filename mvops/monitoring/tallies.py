"""Counting: a column's rows by group (a baseline's blocks, or windows) into whole numbers, and what those say.

Sums are kept in fixed point, as whole numbers of 2^-20 (of 2^-16 for squares) of the ruler's scale. Whole numbers add
exactly, so merging is associative and commutative to the last bit, in any order, and counting again gives the same.
A float64 holds such sums exactly for up to 100 million rows in one call; merged sums are Python's, without a limit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mvops.monitoring.columns import Coded, Column, Floats, Ints
from mvops.monitoring.rulers import Ruler

FINE = 1 << 20
COARSE = 1 << 16


@dataclass(frozen=True)
class Tally:
    """One column's counts by group (first axis). Sums are fixed-point; `counts` is (groups, bins)."""

    counts: Ints
    missing: Ints
    infinite: Ints
    sums: Ints | Floats  # of the standardised value
    squares: Ints | Floats
    low: Floats  # NaN where a group has no finite value
    high: Floats

    @property
    def present(self) -> Ints:
        """Rows with a value, by group."""
        found: Ints = self.counts.sum(axis=1)
        return found


def tally(ruler: Ruler, column: Column, groups: Ints, count: int) -> Tally:
    """Count `column` by `groups` (0 to count - 1; a row with -1 is left out)."""
    used = groups >= 0
    if not used.all():
        column = Coded(column.codes[used], column.labels) if isinstance(column, Coded) else column[used]
        groups = groups[used]
    bins = ruler.bin_of(column)
    present = bins >= 0
    size = max(ruler.size, 1)
    cells = np.bincount(groups[present] * size + bins[present], minlength=count * size)
    counts = cells.reshape(count, size)
    missing = np.bincount(groups[~present], minlength=count)
    if isinstance(column, Coded) or ruler.kind != "number":
        none = np.zeros(count, np.int64)
        empty = np.full(count, np.nan)
        return Tally(counts, missing, none, none, none, empty, empty)
    z = ruler.standard(column)
    finite = np.isfinite(column)
    return Tally(
        counts=counts,
        missing=missing,
        infinite=np.bincount(groups[present & ~finite], minlength=count),
        sums=_fixed(z, FINE, groups, count),
        squares=_fixed(z * z, COARSE, groups, count),
        low=_extreme(column[finite], groups[finite], count, lowest=True),
        high=_extreme(column[finite], groups[finite], count, lowest=False),
    )


def channel_means(ruler: Ruler, counted: Tally) -> dict[str, tuple[Floats, Floats]]:
    """Every channel's mean and number of rows, by group; NaN where a group has no rows.

    Numbers: `shift` and `spread` (mean and standard deviation, standardised) and `range`, the share outside the
    baseline's range. Categories: `share:x` of each category with its own bin, and `new`. All: `missing`.
    """
    present = counted.present.astype(np.float64)
    rows = present + counted.missing
    found = {"missing": (_over(counted.missing, rows), rows)}
    if ruler.kind == "number" and ruler.edges:
        found["range"] = (_over(counted.counts[:, 0] + counted.counts[:, -1], present), present)
        if ruler.scale > 0:
            found["shift"] = (_over(counted.sums / FINE, present), present)
            found["spread"] = (_deviation(counted, present), present)
    if ruler.kind == "category":
        if not ruler.unbounded:
            found["new"] = (_over(counted.counts[:, -1], present), present)
        alone = len(ruler.categories) == 2 and not ruler.known  # the second share says nothing that the first does not
        for i, name in enumerate(ruler.categories[: 1 if alone else None]):
            found[f"share:{name}"] = (_over(counted.counts[:, i], present), present)
    return found


def shape_counts(ruler: Ruler, counts: Ints) -> Ints:
    """Counts in the bins whose distribution is compared.

    What is beyond the range belongs to the outermost bins, new categories to the others; they have tests of their
    own.
    """
    inner: Ints = counts[..., 1:-1].copy() if ruler.kind == "number" else counts[..., :-1].copy()
    if ruler.kind == "number" and inner.shape[-1]:
        inner[..., 0] += counts[..., 0]
        inner[..., -1] += counts[..., -1]
    return inner


def _deviation(counted: Tally, present: Floats) -> Floats:
    mean, square = _over(counted.sums / FINE, present), _over(counted.squares / COARSE, present)
    return np.sqrt(np.maximum(square - mean**2, 0.0) * _over(present, present - 1))


def _over(part: Ints | Floats, whole: Floats) -> Floats:
    found = np.full(len(whole), np.nan)
    np.divide(part, whole, out=found, where=whole > 0)
    return found


def _fixed(values: Floats, unit: int, groups: Ints, count: int) -> Ints:
    return np.bincount(groups, weights=np.rint(values * unit), minlength=count).astype(np.int64)


def _extreme(values: Floats, groups: Ints, count: int, *, lowest: bool) -> Floats:
    found = np.full(count, np.inf if lowest else -np.inf)
    (np.minimum if lowest else np.maximum).at(found, groups, values)
    return np.where(np.isinf(found), np.nan, found)
