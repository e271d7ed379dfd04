"""How what is predicted is spread over a few bins, which are the champion's for all arms, so that arms compare."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

from mvops.core.version import Version
from mvops.serving.answers import Answers

MOST_BINS = 10


class Bins:
    """Of a classifier the probability of its second class of two, else its classes; of a regression its values."""

    def __init__(self, version: Version, edges: Sequence[float]) -> None:
        signature = version.signature
        self._scores = len(signature.classes) == 2 and signature.probabilities
        self._places = {value: place for place, value in enumerate(signature.classes[: MOST_BINS - 1])}
        step = -(-len(edges) // (MOST_BINS - 1))
        even = [place / MOST_BINS for place in range(1, MOST_BINS)]
        self._edges = even if self._scores else list(edges[step - 1 :: step])
        self._classes = signature.task == "classification" and not self._scores

    def shares(self, answers: Answers) -> list[float]:
        """The share of each bin in what one request was answered."""
        found = [0.0] * MOST_BINS
        for value in self._values(answers):
            place = self._places.get(value, MOST_BINS - 1) if self._classes else bisect_left(self._edges, value)
            found[place] += 1 / len(answers.predictions)
        return found

    def _values(self, answers: Answers) -> list[Any]:
        if self._scores and answers.probabilities is not None:
            return [row[1] for row in answers.probabilities]
        return answers.predictions


class Spread:
    """The mean of the shares, over requests: rows of one request are alike, and count as one."""

    def __init__(self) -> None:
        self._sums = [0.0] * MOST_BINS

    def add(self, shares: Sequence[float]) -> None:
        """Count a request, or what another process has counted."""
        self._sums = [one + other for one, other in zip(self._sums, shares, strict=True)]

    def export(self) -> list[float]:
        """What `add` understands."""
        return self._sums

    def told(self) -> tuple[float, ...]:
        """The shares; nothing before the first request."""
        total = sum(self._sums)
        return tuple(round(each / total, 6) for each in self._sums) if total else ()
