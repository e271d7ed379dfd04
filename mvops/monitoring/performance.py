"""Predictions against outcomes, as mergeable counts; the metrics and their standard errors from those.

Sums are in fixed point (see tallies.py). ROC AUC comes from histograms of the score by label with 200 equal bins; rows
in one bin count as ties (one half), so it differs from the exact AUC by at most half the share of pairs that fall into
one bin together: typically below 0.001. Log loss, Brier score, accuracy and the errors of a regression are exact up
to rounding each row to 2^-30 (2^-20 of the target's standard deviation for errors).

Standard errors: means by their sample variance; AUC by DeLong (1988) on the histograms; RMSE and R2 by the delta
method; metrics of the confusion table by 400 multinomial resamples with a fixed seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from mvops.core.frozen import Frozen
from mvops.monitoring.columns import Coded, Column, Floats, Ints

SCORE_BINS = 200
_PROBABILITY_UNIT = 1 << 30
_ERROR_UNIT = 1 << 20
_FOURTH_UNIT = 1 << 10
_MOST_ERROR = 4096.0  # scales; an error beyond counts as this
_MOST_CLASSES = 50
_CHUNK = 1 << 16  # rows whose fixed-point sums fit into 64 bits
_RESAMPLES = 400

Whole = Annotated[int, Field(ge=0)]
LOWER_IS_BETTER = frozenset({"log_loss", "brier", "rmse", "mae"})


@dataclass(frozen=True)
class Measured:
    """A metric's value and its standard error."""

    value: float
    error: float


class Performance(Frozen):
    """Mergeable.

    For a classifier `classes` are known beforehand and `confusion` is (true, predicted), flat, with one more row and
    column for labels not among them. `by_label` holds, for each scored class, the histogram of its probability where
    it was false and where it was true. For a regression, `scale` is the unit of the errors.
    """

    classes: tuple[str, ...] = ()
    scale: float = 1.0
    rows: Whole = 0
    confusion: tuple[Whole, ...] = ()
    by_label: tuple[tuple[tuple[Whole, ...], tuple[Whole, ...]], ...] = ()
    scored: Whole = 0
    log_loss: tuple[int, int] = (0, 0)  # sum, sum of squares
    brier: tuple[int, int] = (0, 0)
    absolute: Whole = 0
    squares: Whole = 0
    fourths: Whole = 0
    target: tuple[int, int] = (0, 0)  # sum and sum of squares of the outcome about the baseline's mean
    centre: float = 0.0


def nothing(classes: tuple[str, ...], centre: float, scale: float) -> Performance:
    """No pairs yet."""
    return Performance(classes=classes[:_MOST_CLASSES], scale=scale if scale > 0 else 1.0, centre=centre)


def measure(empty: Performance, predictions: Column, outcomes: Column, probabilities: Floats | None) -> Performance:
    """The counts of pairs; a pair with a missing side is left out."""
    if isinstance(predictions, Coded) and isinstance(outcomes, Coded):
        return _classification(empty, predictions, outcomes, probabilities)
    assert not isinstance(predictions, Coded)
    assert not isinstance(outcomes, Coded)
    return _regression(empty, predictions, outcomes)


def merge(a: Performance, b: Performance) -> Performance:
    """Both; exact, in any order. They must come from the same baseline."""
    return a.model_copy(
        update={
            "rows": a.rows + b.rows,
            "confusion": _add(a.confusion, b.confusion),
            "by_label": tuple((_add(x[0], y[0]), _add(x[1], y[1])) for x, y in zip(a.by_label, b.by_label, strict=True))
            if a.by_label and b.by_label
            else a.by_label or b.by_label,
            "scored": a.scored + b.scored,
            "log_loss": _add(a.log_loss, b.log_loss),
            "brier": _add(a.brier, b.brier),
            "absolute": a.absolute + b.absolute,
            "squares": a.squares + b.squares,
            "fourths": a.fourths + b.fourths,
            "target": _add(a.target, b.target),
        }
    )


def metric(found: Performance, name: str) -> Measured | None:
    """The metric and its standard error; None where it is not computable from these pairs."""
    if name in ("rmse", "mae", "r2"):
        return _regression_metric(found, name)
    if name in ("log_loss", "brier"):
        total, squares = found.log_loss if name == "log_loss" else found.brier
        return _mean(total / _PROBABILITY_UNIT, squares / _PROBABILITY_UNIT, found.scored)
    if name == "roc_auc":
        return _auc(found)
    return _confusion_metric(found, name) if found.confusion else None


def _classification(empty: Performance, predicted: Coded, true: Coded, scores: Floats | None) -> Performance:
    classes = len(empty.classes)
    place = {text: i for i, text in enumerate(empty.classes)}
    p, t = (
        np.array([*(place.get(text, classes) for text in c.labels), -1], np.int64)[c.codes] for c in (predicted, true)
    )
    both = (p >= 0) & (t >= 0)
    cells = np.bincount(t[both] * (classes + 1) + p[both], minlength=(classes + 1) ** 2)
    found = empty.model_copy(update={"rows": int(both.sum()), "confusion": tuple(cells.tolist())})
    if scores is None or scores.shape[1] != classes or classes < 2:
        return found
    usable = (t >= 0) & (t < classes) & np.isfinite(scores).all(axis=1)
    return _scores(found, scores[usable], t[usable])


def _scores(found: Performance, scores: Floats, true: Ints) -> Performance:
    classes = scores.shape[1]
    rows = np.arange(len(true))
    loss = -np.log(np.clip(scores[rows, true], 1e-15, 1.0))
    # scikit-learn's Brier score of two classes looks at one probability only
    all_classes = np.sum(scores**2, axis=1) - 2 * scores[rows, true] + 1
    brier = (scores[:, 1] - true) ** 2 if classes == 2 else all_classes
    bins = np.clip((scores * SCORE_BINS).astype(np.int64), 0, SCORE_BINS - 1)
    watched = range(1, 2) if classes == 2 else range(classes)
    histograms = []
    for c in watched:
        sides = (np.bincount(bins[side, c], minlength=SCORE_BINS).tolist() for side in (true != c, true == c))
        histograms.append(tuple(map(tuple, sides)))
    return found.model_copy(
        update={
            "by_label": tuple(histograms),
            "scored": len(true),
            "log_loss": (_fixed(loss, _PROBABILITY_UNIT), _fixed(loss**2, _PROBABILITY_UNIT)),
            "brier": (_fixed(brier, _PROBABILITY_UNIT), _fixed(brier**2, _PROBABILITY_UNIT)),
        }
    )


def _regression(empty: Performance, predicted: Floats, true: Floats) -> Performance:
    both = ~(np.isnan(predicted) | np.isnan(true))
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.clip((predicted[both] - true[both]) / empty.scale, -_MOST_ERROR, _MOST_ERROR)
        target = np.clip((true[both] - empty.centre) / empty.scale, -_MOST_ERROR, _MOST_ERROR)
    error = np.nan_to_num(error, nan=_MOST_ERROR)  # an infinite prediction of an infinite outcome
    return empty.model_copy(
        update={
            "rows": len(error),
            "absolute": _fixed(np.abs(error), _ERROR_UNIT),
            "squares": _fixed(error**2, _ERROR_UNIT),
            "fourths": _fixed(np.minimum(error**4, _MOST_ERROR**3), _FOURTH_UNIT),
            "target": (_fixed(target, _ERROR_UNIT), _fixed(target**2, _ERROR_UNIT)),
        }
    )


def _regression_metric(found: Performance, name: str) -> Measured | None:
    n = found.rows
    if n < 2:
        return None
    squares = _mean(found.squares / _ERROR_UNIT, found.fourths / _FOURTH_UNIT, n)
    assert squares is not None
    if name == "mae":
        mean = _mean(found.absolute / _ERROR_UNIT, found.squares / _ERROR_UNIT, n)
        return mean and Measured(mean.value * found.scale, mean.error * found.scale)
    if name == "rmse":
        root = squares.value**0.5
        return Measured(root * found.scale, squares.error / (2 * root) * found.scale if root else 0.0)
    total, total_squares = (part / _ERROR_UNIT for part in found.target)
    variance = total_squares / n - (total / n) ** 2
    return Measured(1 - squares.value / variance, squares.error / variance) if variance > 0 else None


def _auc(found: Performance) -> Measured | None:
    """Of two classes; of more, the mean of each class against the rest, with the mean of the standard errors."""
    each = [_binary_auc(np.array(no, np.float64), np.array(yes, np.float64)) for no, yes in found.by_label]
    known = [one for one in each if one is not None]
    if not known or len(known) < len(each):
        return None
    return Measured(sum(m.value for m in known) / len(known), sum(m.error for m in known) / len(known))


def _binary_auc(no: Floats, yes: Floats) -> Measured | None:
    m, n = yes.sum(), no.sum()
    if m < 2 or n < 2:
        return None
    below = np.cumsum(no) - no / 2  # of the negatives, those that a positive in this bin beats
    above = m - np.cumsum(yes) + yes / 2
    of_yes, of_no = below / n, above / m
    auc = float(yes @ of_yes / m)
    spread_yes = float(yes @ (of_yes - auc) ** 2 / (m - 1))
    spread_no = float(no @ (of_no - auc) ** 2 / (n - 1))
    return Measured(auc, (spread_yes / m + spread_no / n) ** 0.5)


def _confusion_metric(found: Performance, name: str) -> Measured | None:
    size = len(found.classes) + 1
    cells = np.array(found.confusion, np.float64)
    if cells.sum() < 2:
        return None
    value = _from_confusion(cells.reshape(1, size, size), name)[0]
    if name == "accuracy":
        return Measured(float(value), float((value * (1 - value) / cells.sum()) ** 0.5))
    draws = np.random.default_rng(0).multinomial(int(cells.sum()), cells / cells.sum(), size=_RESAMPLES)
    spread = np.std(_from_confusion(draws.reshape(_RESAMPLES, size, size).astype(np.float64), name))
    return Measured(float(value), float(spread))


def _from_confusion(cells: Floats, name: str) -> Floats:
    """(tables, true, predicted) -> (tables).

    Precision, recall and F1 are those of the second of two classes, and the mean over the classes that occur when
    there are more.
    """
    hits = np.diagonal(cells, axis1=1, axis2=2)
    if name == "accuracy":
        return np.asarray(hits.sum(axis=1) / cells.sum(axis=(1, 2)))
    true, predicted = cells.sum(axis=2), cells.sum(axis=1)
    recall, precision = hits / np.maximum(true, 1), hits / np.maximum(predicted, 1)
    scores = {
        "balanced_accuracy": recall,
        "recall": recall,
        "precision": precision,
        "f1": 2 * hits / np.maximum(true + predicted, 1),
    }[name]
    if name != "balanced_accuracy" and cells.shape[1] == 3:
        return np.asarray(scores[:, 1])
    occurs = true > 0 if name == "balanced_accuracy" else (true + predicted) > 0
    return np.asarray((scores * occurs).sum(axis=1) / np.maximum(occurs.sum(axis=1), 1))


def _mean(total: float, squares: float, n: int) -> Measured | None:
    if n < 2:
        return None
    mean = total / n
    return Measured(mean, (max(squares / n - mean**2, 0.0) / (n - 1)) ** 0.5)


def _fixed(values: Floats, unit: int) -> int:
    whole = np.rint(values * unit).astype(np.int64)
    return sum(int(whole[i : i + _CHUNK].sum()) for i in range(0, len(whole), _CHUNK))


def _add(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(x + y for x, y in zip(a, b, strict=True)) if a and b else a or b
