"""Metrics of many bootstrap resamples at once.

A resample of n rows is a vector of n counts, so b resamples are a (b, n) matrix of weights and a metric of all of them
is a matrix product (means), a product with indicator columns (precision and the like), or one sort followed by
cumulative sums (roc_auc, as the Mann-Whitney statistic with ties counted half). All are exact: the value equals
scikit-learn's on the repeated rows.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mvops.lifecycle.metrics import one_hot
from mvops.lifecycle.scores import Array, Scores

_CHUNK = 2_000_000  # weights held at a time, 16 MB


def resamples(rows: int, count: int, seed: int) -> Iterator[Array]:
    """Weight matrices (b, rows) that add up to `count` resamples; the same for the same arguments."""
    random = np.random.default_rng(seed)
    size = max(1, _CHUNK // rows)
    for start in range(0, count, size):
        chunk = [np.bincount(random.integers(0, rows, rows), minlength=rows) for _ in range(min(size, count - start))]
        yield np.stack(chunk).astype(float)


def resampled(metric: str, scores: Scores, weights: Array) -> Array:
    """The metric of each resample, (b,); NaN where it is undefined, such as roc_auc of one class."""
    if metric == "roc_auc":
        return _roc_auc(scores, weights)
    if metric == "r2":
        return _r2(scores, weights)
    if metric in {"f1", "precision", "recall", "balanced_accuracy"}:
        return _from_counts(metric, scores, weights)
    means: Array = weights @ _row_losses(metric, scores) / weights.sum(axis=1)
    return np.asarray(np.sqrt(means)) if metric == "rmse" else means


def _row_losses(metric: str, scores: Scores) -> Array:
    if metric == "accuracy":
        return np.asarray(scores.truth == scores.predicted, dtype=float)
    if metric in {"rmse", "mae"}:
        error: Array = scores.truth - scores.predicted
        return np.asarray(np.abs(error) if metric == "mae" else error**2)
    probabilities = scores.need(metric, scores.probabilities, "predict_proba")
    if metric == "log_loss":
        tiny = np.finfo(probabilities.dtype).eps
        chosen = probabilities[np.arange(scores.rows), scores.truth]
        surprise: Array = -np.log(np.clip(chosen, tiny, 1 - tiny))
        return surprise
    squares: Array = (probabilities - one_hot(scores.truth, scores.known)) ** 2
    summed: Array = squares[:, 1] if scores.binary else squares.sum(axis=1)
    return summed


def _r2(scores: Scores, weights: Array) -> Array:
    centred = scores.truth - scores.truth.mean()
    total = weights @ centred**2 - (weights @ centred) ** 2 / weights.sum(axis=1)
    return 1 - _ratio(weights @ (scores.truth - scores.predicted) ** 2, total)


def _from_counts(metric: str, scores: Scores, weights: Array) -> Array:
    truth = one_hot(scores.truth, len(scores.classes))
    predicted = one_hot(scores.predicted, len(scores.classes))
    hits, support, claimed = weights @ (truth * predicted), weights @ truth, weights @ predicted
    below = {"precision": claimed, "f1": (support + claimed) / 2}.get(metric, support)
    each = np.nan_to_num(_ratio(hits, below))
    if metric == "balanced_accuracy":
        return _ratio(each.sum(axis=1), (support > 0).sum(axis=1))
    if scores.binary:
        return each[:, 1]
    averages: Array = (each * support).sum(axis=1) / support.sum(axis=1)
    return averages


def _roc_auc(scores: Scores, weights: Array) -> Array:
    ranking = scores.need("roc_auc", scores.ranking, "predict_proba and no decision_function")
    if scores.binary:
        return _auc_of_one(scores.truth == 1, ranking[:, 1], weights)
    total = np.zeros(len(weights))
    for code in np.unique(scores.truth):
        positive = scores.truth == code
        support = weights @ positive.astype(float)
        # a class that this resample misses has no weight in the average
        total += np.where(support > 0, _auc_of_one(positive, ranking[:, code], weights), 0.0) * support
    averages: Array = total / weights.sum(axis=1)
    return averages


def _auc_of_one(positive: Array, ranking: Array, weights: Array) -> Array:
    order = np.argsort(ranking, kind="stable")
    ranked = ranking[order]
    starts = np.concatenate([[0], np.flatnonzero(np.diff(ranked)) + 1])
    sorted_weights = weights[:, order]
    ups = np.add.reduceat(sorted_weights * positive[order], starts, axis=1)
    downs = np.add.reduceat(sorted_weights, starts, axis=1) - ups
    below = np.cumsum(downs, axis=1) - downs / 2
    return _ratio((ups * below).sum(axis=1), ups.sum(axis=1) * downs.sum(axis=1))


def _ratio(above: Array, below: Array) -> Array:
    quotient: Array = np.divide(above, below, out=np.full(np.shape(above), np.nan), where=np.asarray(below) > 0)
    return quotient
