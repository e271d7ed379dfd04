"""Whether a graph says what the estimator says, row by row."""

from __future__ import annotations

from typing import Any

import numpy as np

from mvops.serving.answers import Answers
from mvops.serving.compiled import Ask, Compiled

Columns = list[list[Any]]


class DifferentError(Exception):
    """It does not; the message says in what."""


def compared(estimator: Ask, compiled: Compiled, columns: Columns, tolerance: float) -> tuple[float, int]:
    """The largest difference, and in how many rows. Raises DifferentError for one that cannot be borne."""
    rows = len(columns[0])
    if not rows:
        return 0.0, 0
    answers, left = compiled.certain(columns, rows)
    certain = [row for row in range(rows) if row not in left]
    largest = 0.0
    for chosen, said in _asked(estimator, columns, certain):
        largest = max(largest, _difference(answers, chosen, said, tolerance))
    return largest, len(certain)


def _asked(estimator: Ask, columns: Columns, rows: list[int]) -> list[tuple[list[int], Answers]]:
    """What the estimator says of these rows. Raises DifferentError where it refuses one: the graph does not."""
    if not rows:
        return []
    try:
        return [(rows, estimator([[values[row] for row in rows] for values in columns]))]
    except Exception as error:
        if len(rows) == 1:
            raise DifferentError(f"it answers a row that the estimator refuses: {error}") from error
    half = len(rows) // 2
    return _asked(estimator, columns, rows[:half]) + _asked(estimator, columns, rows[half:])


def _difference(answers: Answers, rows: list[int], said: Answers, tolerance: float) -> float:
    if said.bad:
        raise DifferentError("it gives a number where the estimator gives none")
    if answers.probabilities is None or said.probabilities is None:
        ours = np.array([answers.predictions[row] for row in rows])
        theirs = np.array(said.predictions)
        found = np.abs(ours - theirs) / np.maximum(np.abs(theirs), 1.0)
    else:
        if said.predictions != [answers.predictions[row] for row in rows]:
            raise DifferentError("it gives another class than the estimator")
        found = np.abs(np.array([answers.probabilities[row] for row in rows]) - np.array(said.probabilities))
    largest = float(found.max(initial=0.0))
    if not largest <= tolerance:
        raise DifferentError(f"it differs from the estimator by {largest:.2g}, the tolerance is {tolerance:g}")
    return largest
