"""A model's signature: what a row must look like, read off the data the model was trained and evaluated on."""

from __future__ import annotations

from typing import Literal

from mvops.core.frozen import Frozen

ColumnKind = Literal["number", "integer", "boolean", "category", "text", "datetime"]


class Column(Frozen):
    """One input column.

    `categories` lists the values seen for a category (at most 1,000); `low` and `high` are the range seen for a
    number. Both describe the training data: a value outside is counted by the monitor, not refused. `example` is a
    value of a real row.
    """

    name: str
    kind: ColumnKind
    nullable: bool = False
    categories: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    example: str | int | float | bool | None = None


class Signature(Frozen):
    """Columns in the order the estimator wants them, and what comes out."""

    columns: tuple[Column, ...]
    task: Literal["classification", "regression"]
    classes: tuple[str | int | float | bool, ...] = ()  # of a classifier, in the order of its probabilities
    probabilities: bool = False  # does the estimator have predict_proba
