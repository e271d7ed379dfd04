"""What a model said about a batch of rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Answers:
    """Plain Python values. `bad` holds the rows whose prediction or probability is not a finite number."""

    predictions: list[Any]
    probabilities: list[list[float]] | None
    bad: frozenset[int] = frozenset()

    def part(self, start: int, stop: int) -> Answers:
        """The answers for the rows from `start` up to `stop`."""
        bad = frozenset(row - start for row in self.bad if start <= row < stop)
        probabilities = None if self.probabilities is None else self.probabilities[start:stop]
        return Answers(self.predictions[start:stop], probabilities, bad)
