"""The same row gets the same answer to the last bit, whatever else is asked with it.

Linear algebra takes rows a few at a time, and those that are left over in another way, which rounds otherwise:
a row that is asked alone then differs in the last bit from the same row among others. So nothing is left over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mvops.serving.answers import Answers
from mvops.serving.batching import Predict

TOGETHER = 8  # rows that kernels take at once: 4 or 8, by the width of the processor's registers


def steady(predict: Predict) -> Predict:
    """`predict`, asked for a multiple of eight rows: the last one is repeated."""

    def ask(columns: Sequence[Sequence[Any]]) -> Answers:
        rows = len(columns[0]) if columns else 0
        lacking = -rows % TOGETHER
        if not lacking:
            return predict(columns)
        return predict([[*values, *[values[-1]] * lacking] for values in columns]).part(0, rows)

    return ask
