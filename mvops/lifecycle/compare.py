"""Champion and challenger on the same held-out rows, with an interval for each difference."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from mvops.core.config.model import Evaluate
from mvops.core.frozen import Frozen
from mvops.errors import DataError
from mvops.lifecycle.metrics import measure
from mvops.lifecycle.resample import resampled, resamples
from mvops.lifecycle.scores import Array, Scores, score

_MOST_ROWS = 50_000
_MOST_CELLS = 500_000  # rows x classes; the work grows with it
_FEWEST_ROWS = 1_000
_FEWEST_TO_JUDGE = 30
_MOST_UNDEFINED = 0.05  # share of resamples; beyond it there is no honest interval


class Bootstrap(Frozen):
    """How the interval is made: paired resampling of rows, the same rows for both models."""

    resamples: int = Field(default=200, ge=20)
    seed: int = 0


class Difference(Frozen):
    """Challenger minus champion in one metric, with a 95 % interval; None if it could not be computed."""

    champion: float
    challenger: float
    difference: float
    low: float | None
    high: float | None


class Comparison(Frozen):
    """`differences` by metric, empty if the champion cannot score these rows; `reason` then says why.

    `rows` are those that both were scored on, of `held_out`; the others the champion had learnt from. Where too few are
    left, it is scored on all, and `learnt` are those of them that it had learnt from. `lost` says that there is no
    champion to score any more, `missing` are columns that it reads and these rows do without.
    """

    comparable: bool
    reason: str
    rows: int
    held_out: int = 0
    learnt: int = 0
    lost: bool = False
    missing: tuple[str, ...] = ()
    interval_rows: int  # how many of them the interval was made from
    challenger: dict[str, float]
    differences: dict[str, Difference] = Field(default_factory=dict)

    @property
    def champion(self) -> dict[str, float] | None:
        """The champion's metrics on these rows; None if it cannot score them."""
        return {name: value.champion for name, value in self.differences.items()} if self.comparable else None


_DEFAULT = Bootstrap()


def with_a_lost(champion: int) -> Comparison:
    """With a version whose artefact is gone from the store."""
    reason = f"version {champion}, the champion, was lost from the artefact store and could not be compared"
    return Comparison(comparable=False, reason=reason, rows=0, interval_rows=0, challenger={}, lost=True)


def compare_on_same_rows(
    champion: Any,
    challenger: Any,
    features: pd.DataFrame,
    target: Any,
    settings: Evaluate,
    *,
    bootstrap: Bootstrap = _DEFAULT,
) -> Comparison:
    """Score both estimators on the same rows.

    The interval is the percentile interval of a paired bootstrap (Efron and Tibshirani 1993, chapter 13). It is made
    from at most 50,000 rows, or 500,000 / classes if that is fewer, drawn once without replacement: with more rows it
    is a little wider than it need be, never narrower. Raises DataError if the challenger cannot be scored.
    """
    ours = score(challenger, features, target, settings.task)
    measured = {str(metric): measure(metric, ours) for metric in settings.metrics}
    try:
        theirs = score(champion, _champion_rows(champion, features), target, settings.task)
        before = {str(metric): measure(metric, theirs) for metric in settings.metrics}
    except DataError as error:
        return Comparison(
            comparable=False,
            reason=f"The champion cannot be scored on these rows: {error.message}",
            rows=len(features),
            held_out=len(features),
            missing=_missing(champion, features),
            interval_rows=0,
            challenger=measured,
        )
    kept = _interval_rows(ours, bootstrap.seed)
    intervals = _intervals(_only(ours, kept), _only(theirs, kept), list(measured), bootstrap)
    return Comparison(
        comparable=True,
        reason=f"Both were scored on the same {len(features):,} held-out rows.",
        rows=len(features),
        held_out=len(features),
        interval_rows=len(kept),
        challenger=measured,
        differences={name: _difference(before[name], measured[name], intervals[name]) for name in measured},
    )


def compare_on_new_rows(
    champion: Any, challenger: Any, features: pd.DataFrame, target: Any, settings: Evaluate, learnt: Array
) -> Comparison:
    """Score both on those of the n held-out rows that the champion has not learnt from; `learnt` is (n,) of bool.

    Of fewer than 30 of them, or of one class only, nothing can be told: then it is all. Raises as the other does.
    """
    held_out, known = len(features), int(learnt.sum())
    if known and _suffice(target, ~learnt, settings):
        features, target, known = features[~learnt], np.asarray(target)[~learnt], 0
    found = compare_on_same_rows(champion, challenger, features, target, settings)
    return found.model_copy(update={"held_out": held_out, "learnt": known})


def _suffice(target: Any, rows: Array, settings: Evaluate) -> bool:
    left = np.asarray(target)[rows]
    return len(left) >= _FEWEST_TO_JUDGE and (settings.task == "regression" or len(pd.unique(left)) > 1)


def _champion_rows(champion: Any, features: pd.DataFrame) -> pd.DataFrame:
    """The columns that the champion was fitted on, in its order: the newer model may use more."""
    names = getattr(champion, "feature_names_in_", None)
    if names is None:
        return features
    if missing := _missing(champion, features):
        raise DataError(f"column {', '.join(missing[:5])} is missing{' (and more)' if len(missing) > 5 else ''}.")
    return features[list(names)]


def _missing(champion: Any, features: pd.DataFrame) -> tuple[str, ...]:
    return tuple(str(name) for name in getattr(champion, "feature_names_in_", ()) if name not in features.columns)


def _interval_rows(scores: Scores, seed: int) -> Array:
    classes = max(2, len(scores.classes))
    most = min(_MOST_ROWS, max(_FEWEST_ROWS, _MOST_CELLS // classes))
    if scores.rows <= most:
        return np.arange(scores.rows)
    return np.sort(np.random.default_rng(seed).choice(scores.rows, most, replace=False))


def _only(scores: Scores, rows: Array) -> Scores:
    return replace(
        scores,
        truth=scores.truth[rows],
        predicted=scores.predicted[rows],
        raw=scores.raw[rows],
        probabilities=None if scores.probabilities is None else scores.probabilities[rows],
        ranking=None if scores.ranking is None else scores.ranking[rows],
    )


def _intervals(
    ours: Scores, theirs: Scores, metrics: list[str], bootstrap: Bootstrap
) -> dict[str, tuple[float, float] | None]:
    drawn: dict[str, list[Array]] = {name: [] for name in metrics}
    for weights in resamples(ours.rows, bootstrap.resamples, bootstrap.seed):
        for name in metrics:
            drawn[name].append(resampled(name, ours, weights) - resampled(name, theirs, weights))
    return {name: _interval(np.concatenate(parts)) for name, parts in drawn.items()}


def _interval(differences: Array) -> tuple[float, float] | None:
    defined = differences[np.isfinite(differences)]
    if len(defined) < (1 - _MOST_UNDEFINED) * len(differences):
        return None
    low, high = np.quantile(defined, [0.025, 0.975])
    return float(low), float(high)


def _difference(champion: float, challenger: float, interval: tuple[float, float] | None) -> Difference:
    low, high = interval or (None, None)
    return Difference(champion=champion, challenger=challenger, difference=challenger - champion, low=low, high=high)
