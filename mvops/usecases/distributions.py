"""What versions answered last, beside what their baselines say is usual."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from mvops.core.frozen import Frozen
from mvops.monitoring.baseline import prediction_columns
from mvops.monitoring.columns import Coded, Column, Floats, rows_of
from mvops.monitoring.profile import Profile
from mvops.monitoring.tallies import tally
from mvops.registry.predictions import PredictionLog
from mvops.usecases.summarising import Known

_RECENT = 2_000  # predictions that are looked at
_BARS = 20
MOST = 200_000  # rows of the log, back from the newest, among which anything is looked for


class Distribution(Frozen):
    """Shares of the last predictions of a version, and of its baseline's, in the same bins; both add up to 1.

    Numbers have bins of equal width over the baseline's range, the first and the last for what lies outside. The
    baseline keeps counts by quantiles only: within those its values count as evenly spread.
    """

    version: int
    name: str  # prediction, or score: the probability
    rows: int
    bins: tuple[str, ...]
    shares: tuple[float, ...]
    baseline: tuple[float, ...]


def distributions(log: PredictionLog, known: Known, model: str, number: int) -> Iterator[Distribution]:
    """Of a version's prediction and score; none without a baseline or before its first prediction."""
    found = known.get(number)
    rows = log.recent(model, number, _RECENT, MOST) if found else []
    if not found or not rows:
        return
    version, baseline = found
    answered = rows_of(version.signature.model_copy(update={"columns": ()}), rows)
    for name, column in prediction_columns(answered).items():
        profile = baseline.predictions.get(name)
        if profile is None or not sum(profile.counts):
            continue
        bins, counts, usual = _coded(profile, column) if isinstance(column, Coded) else _numbers(profile, column, name)
        if counts.sum():
            yield Distribution(
                version=number,
                name=name,
                rows=len(rows),
                bins=bins,
                shares=tuple((counts / counts.sum()).round(6).tolist()),
                baseline=tuple((usual / usual.sum()).round(6).tolist()),
            )


def _coded(profile: Profile, column: Column) -> tuple[tuple[str, ...], Floats, Floats]:
    """Categories, and where there are any, rare and new ones."""
    counts = tally(profile.ruler, column, np.zeros(len(column), np.int64), 1).counts[0].astype(np.float64)
    usual = np.array(profile.counts, np.float64)
    bins = (*profile.ruler.categories, "others", "new")
    used = [i for i in range(len(bins)) if i < len(bins) - 2 or counts[i] or usual[i]]
    return tuple(bins[i] for i in used), counts[used], usual[used]


def _numbers(profile: Profile, column: Column, name: str) -> tuple[tuple[str, ...], Floats, Floats]:
    assert not isinstance(column, Coded)
    values = column[~np.isnan(column)]
    ends = np.array(profile.ruler.edges, np.float64)
    low, high = (0.0, 1.0) if name == "score" else (float(ends[0]), float(ends[-1]))
    if not high > low:
        high = low + 1.0
    edges = np.linspace(low, high, _BARS + 1)
    under, over = (values < low).sum(), (values > high).sum()
    counts = np.array([under, *np.histogram(values, edges)[0], over], np.float64)
    inner = np.cumsum([0.0, *profile.counts[1:-1]])
    inside = np.diff(np.interp(edges, ends, inner)) if len(ends) > 1 else np.zeros(_BARS)
    usual = np.array([profile.counts[0], *inside, profile.counts[-1]], np.float64)
    labels = [f"{edge:.4g}" for edge in edges]
    bins = (f"below {labels[0]}", *(f"{a} to {b}" for a, b in pairwise(labels)), f"above {labels[-1]}")
    usual = usual if usual.sum() else np.ones_like(usual)
    outside = slice(None) if under or over or usual[0] or usual[-1] else slice(1, -1)
    return bins[outside], counts[outside], usual[outside]
