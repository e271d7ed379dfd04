"""The profile of one column of the baseline: its distribution, and how that varies from block to block."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np

from mvops.core.frozen import Frozen
from mvops.core.signature import ColumnKind
from mvops.monitoring.blocks import Blocks
from mvops.monitoring.columns import Coded, Column, Ints
from mvops.monitoring.novelty import outside, unseen
from mvops.monitoring.rulers import Ruler, make_ruler
from mvops.monitoring.shapes import ShapeVariation, fit_shape
from mvops.monitoring.tallies import COARSE, FINE, Tally, channel_means, shape_counts, tally
from mvops.monitoring.variation import Series, Variation, fit_variation

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


class Profile(Frozen):
    """One column.

    `beyond` counts the rows that lay outside what the *other* blocks had shown (out of their range, or of a category
    that they lack): it says how usual it is to meet something new. `importance` is how much the model leans on the
    column, in any unit; it only ranks findings.
    """

    kind: ColumnKind
    ruler: Ruler
    rows: int
    missing: int
    counts: tuple[int, ...]
    beyond: int
    low: float | None
    high: float | None
    mean: float | None
    sd: float | None
    quantiles: tuple[float, ...]  # at QUANTILES; empty for what is not a number
    channels: dict[str, Variation]
    shape: ShapeVariation | None
    importance: float | None = None


def profile(
    column: Column, kind: ColumnKind, blocks: Blocks, every: timedelta, *, listed: Sequence[str] = ()
) -> Profile:
    """Measure a column whole and by block. `listed` are categories known from elsewhere."""
    ruler = make_ruler(column, kind, listed)
    whole = tally(ruler, column, np.zeros(len(column), np.int64), 1)
    parts = tally(ruler, column, blocks.groups, len(blocks.index))
    beyond = unseen(column, blocks) if isinstance(column, Coded) else outside(column, parts, blocks)
    finite = np.zeros(0) if isinstance(column, Coded) or ruler.kind != "number" else column[np.isfinite(column)]
    present = int(whole.present[0])
    mean, sd = moments(ruler, int(whole.sums[0]), int(whole.squares[0]), present)
    shape = None
    if ruler.size:
        inner, total = shape_counts(ruler, parts.counts), shape_counts(ruler, whole.counts)[0]
        usable = shape_bins(ruler, total)
        shape = fit_shape(inner[:, usable], blocks.index, total[usable], timed=blocks.timed)
    return Profile(
        kind=kind,
        ruler=ruler,
        rows=len(column),
        missing=int(whole.missing[0]),
        counts=tuple(whole.counts[0].tolist()) if ruler.size else (),
        beyond=int(beyond.sum()),
        low=float(finite.min()) if len(finite) else None,
        high=float(finite.max()) if len(finite) else None,
        mean=mean,
        sd=sd,
        quantiles=tuple(np.quantile(finite, QUANTILES, method="inverted_cdf").tolist()) if len(finite) else (),
        channels=_channels(ruler, (whole, parts), beyond, blocks, every, _withins(ruler, column, parts, blocks)),
        shape=shape,
    )


def shape_bins(ruler: Ruler, total: Ints) -> Ints:
    """The bins whose distribution is compared. "Other" categories rarer than 1 % would make the test unreliable."""
    bins = np.arange(len(total))
    thin = ruler.kind == "category" and total[-1] < 0.01 * total.sum()
    return bins[:-1] if thin else bins


def moments(ruler: Ruler, sums: int, squares: int, present: int) -> tuple[float | None, float | None]:
    """Mean and standard deviation in the column's unit (of values cut to the ruler's reach); None if not computable."""
    if ruler.kind != "number" or not ruler.edges or not present:
        return None, None
    mean = sums / FINE / present
    variance = max(squares / COARSE / present - mean**2, 0.0)
    return ruler.centre + ruler.scale * mean, ruler.scale * variance**0.5


def _channels(
    ruler: Ruler,
    tallies: tuple[Tally, Tally],
    beyond: Ints,
    blocks: Blocks,
    every: timedelta,
    withins: dict[str, float],
) -> dict[str, Variation]:
    whole, parts = tallies
    found = {}
    totals = channel_means(ruler, whole)
    for name, (means, rows) in channel_means(ruler, parts).items():
        level, all_rows = (float(part[0]) for part in totals[name])
        if name in ("range", "new"):
            means, level = beyond / np.maximum(rows, 1), float(beyond.sum()) / max(all_rows, 1.0)  # noqa: PLW2901
        if not np.isfinite(level):
            continue
        used = np.isfinite(means) & (rows > 0)
        series = Series(blocks.index[used], rows[used], means[used])
        within = withins.get(name) or _jeffreys(level, all_rows)
        found[name] = fit_variation(series, within, level, every, timed=blocks.timed)
    return found


def _withins(ruler: Ruler, column: Column, parts: Tally, blocks: Blocks) -> dict[str, float]:
    """The variances that, divided by a window's rows, are those of its mean and of its standard deviation.

    The latter is (fourth moment - variance^2) / (4 variance). Rows are taken about their block's mean.
    """
    if isinstance(column, Coded) or ruler.scale <= 0:
        return {}
    used = ~np.isnan(column) & (blocks.groups >= 0)
    z, groups = ruler.standard(column), blocks.groups
    if not used.any():
        used, groups = ~np.isnan(column), np.zeros(len(column), np.int64)
        rest = z[used] - z[used].mean()
    else:
        rest = z[used] - (parts.sums / FINE / np.maximum(parts.present, 1))[groups[used]]
    variance = max(float(np.mean(rest**2)), 1e-6)
    return {"shift": variance, "spread": max((float(np.mean(rest**4)) - variance**2) / (4 * variance), 1e-6)}


def _jeffreys(share: float, rows: float) -> float:
    """The variance of "is it so" for one row; never 0, since a share of 0 among so many rows need not stay 0."""
    if not np.isfinite(share):
        return 1.0
    p = (share * rows + 0.5) / (rows + 1)
    return p * (1 - p)
