"""What outcomes make of an arm's answers: a loss for each, summed as they come in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mvops.core.prediction import Prediction
from mvops.core.signature import Signature
from mvops.lifecycle.evidence import Loss


def loss_of(prediction: Prediction, outcome: Any, signature: Signature) -> float:
    """Half the Brier score where there are probabilities, else 0 or 1 for a class; the absolute error of a value."""
    if signature.task != "classification":
        return abs(float(prediction.prediction) - float(outcome))
    if prediction.probability is None or outcome not in signature.classes:
        return float(prediction.prediction != outcome)
    pairs = zip(prediction.probability, signature.classes, strict=True)
    return float(sum((share - (value == outcome)) ** 2 for share, value in pairs)) / 2


@dataclass
class Losses:
    """Of one arm."""

    outcomes: int = 0
    total: float = 0.0
    squares: float = 0.0

    def add(self, loss: float) -> None:
        """One more."""
        self.outcomes += 1
        self.total += loss
        self.squares += loss * loss

    def told(self) -> Loss:
        """As evidence."""
        mean = self.total / max(1, self.outcomes)
        variance = max(0.0, self.squares / max(1, self.outcomes) - mean * mean)
        return Loss(outcomes=self.outcomes, mean=mean, variance=variance)
