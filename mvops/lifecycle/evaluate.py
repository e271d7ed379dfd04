"""How good a model is on the rows it was held out from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from mvops.core.config.model import Evaluate
from mvops.lifecycle.metrics import measure
from mvops.lifecycle.scores import Array, score


@dataclass(frozen=True)
class Evaluation:
    """Finite metrics by name, the predictions of the n rows, and (n, classes) probabilities if the model gives them."""

    metrics: dict[str, float]
    predictions: Array
    probabilities: Array | None


def evaluate(estimator: Any, features: pd.DataFrame, target: Any, settings: Evaluate) -> Evaluation:
    """Score `estimator` on held-out rows.

    Raises DataError when there are no rows, lengths differ, the target has missing values or one class only, the
    estimator cannot predict, predicts NaN, or lacks what a metric needs (the message names both).
    """
    scores = score(estimator, features, target, settings.task)
    values = {str(metric): measure(metric, scores) for metric in settings.metrics}
    return Evaluation(metrics=values, predictions=scores.raw, probabilities=scores.probabilities)
