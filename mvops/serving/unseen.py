"""Which values of a request the training had none of: what to tell where the model fails on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mvops.core.signature import Column
from mvops.serving.problems import Flaw

_SAYS = "a category that was never seen in training, and that the model cannot take"


def unseen(columns: Sequence[Column], values: Sequence[Sequence[Any]]) -> list[Flaw]:
    """By rows; `values` are those of each column."""
    found = [
        Flaw(row=row, column=column.name, message=_SAYS)
        for column, given in zip(columns, values, strict=True)
        if column.kind == "category"
        for row, value in enumerate(given)
        if value is not None and value not in column.categories
    ]
    return sorted(found, key=lambda flaw: flaw.row)
