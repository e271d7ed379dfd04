"""The metrics by their names in the YAML, each computed by scikit-learn.

With more than two classes, f1, precision and recall are averages over the classes weighted by their number of rows,
roc_auc is one-versus-rest with the same weights, and brier is the sum over classes (Brier 1950).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sklearn import metrics as sk

from mvops.errors import DataError
from mvops.lifecycle.scores import Scores


def measure(metric: str, scores: Scores) -> float:
    """The value of `metric`; DataError names metric and estimator if it cannot be had."""
    return float(_METRICS[metric](scores))


def one_hot(codes: np.ndarray, classes: int) -> np.ndarray:
    """(n, classes) of 0.0 and 1.0."""
    hot = np.zeros((len(codes), classes))
    hot[np.arange(len(codes)), codes] = 1.0
    return hot


def _roc_auc(scores: Scores) -> float:
    ranking = scores.need("roc_auc", scores.ranking, "predict_proba and no decision_function")
    if scores.binary:
        return float(sk.roc_auc_score(scores.truth == 1, ranking[:, 1]))
    # a class without rows here has no weight, and scikit-learn's own average refuses it
    present, counts = np.unique(scores.truth, return_counts=True)
    each = [float(sk.roc_auc_score(scores.truth == code, ranking[:, code])) for code in present]
    return float(np.average(each, weights=counts))


def _log_loss(scores: Scores) -> float:
    probabilities = scores.need("log_loss", scores.probabilities, "predict_proba")
    return float(sk.log_loss(scores.truth, probabilities, labels=np.arange(scores.known)))


def _brier(scores: Scores) -> float:
    probabilities = scores.need("brier", scores.probabilities, "predict_proba")
    if scores.binary:
        return float(sk.brier_score_loss(scores.truth, probabilities[:, 1], pos_label=1))
    # scikit-learn has the form for many classes only from 1.7 on
    return float(((probabilities - one_hot(scores.truth, scores.known)) ** 2).sum(axis=1).mean())


def _averaged(function: Callable[..., float]) -> Callable[[Scores], float]:
    def metric(scores: Scores) -> float:
        average = "binary" if scores.binary else "weighted"
        return function(scores.truth, scores.predicted, average=average, zero_division=0)

    return metric


def _balanced_accuracy(scores: Scores) -> float:
    present = np.unique(scores.truth)
    return float(sk.recall_score(scores.truth, scores.predicted, labels=present, average="macro", zero_division=0))


def _r2(scores: Scores) -> float:
    if scores.rows < 2:
        raise DataError("r2 cannot be computed from one held-out row.")
    return float(sk.r2_score(scores.truth, scores.predicted))


_METRICS: dict[str, Callable[[Scores], float]] = {
    "roc_auc": _roc_auc,
    "log_loss": _log_loss,
    "brier": _brier,
    "accuracy": lambda scores: sk.accuracy_score(scores.truth, scores.predicted),
    "balanced_accuracy": _balanced_accuracy,
    "f1": _averaged(sk.f1_score),
    "precision": _averaged(sk.precision_score),
    "recall": _averaged(sk.recall_score),
    "rmse": lambda scores: sk.root_mean_squared_error(scores.truth, scores.predicted),
    "mae": lambda scores: sk.mean_absolute_error(scores.truth, scores.predicted),
    "r2": _r2,
}
