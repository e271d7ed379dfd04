"""What is seen of models in a notebook, as data."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Literal

from mvops.notebook.estimators import Made

How = Literal["assigned", "printed", "displayed", "computed"]


@dataclass(frozen=True)
class Fit:
    """`name` is fitted in the cell at position `at` on `features` and `target`, or `loaded` there as fitted before.

    Where it holds several models, `part` is how the last of them is written. `trial`: one of many that a loop tries.
    """

    at: int
    name: str
    made: Made
    features: ast.expr | None
    target: ast.expr | None
    loaded: bool = False
    part: str = ""
    trial: bool = False


@dataclass(frozen=True)
class Use:
    """`name` predicts `features`, which are compared with `target` where that is known."""

    at: int
    name: str
    features: ast.expr
    target: ast.expr | None = None
    crossed: bool = False


@dataclass(frozen=True)
class MetricUse:
    """A metric is computed; `metric` is in our words, "score" is the estimator's own."""

    at: int
    metric: str
    function: str
    how: How
    assigned: str | None
    model: str | None
    text: str


@dataclass(frozen=True)
class Preparation:
    """Features are made by `what` outside any estimator, and go to `names`; or to one `column` of a table."""

    at: int
    what: str
    names: frozenset[str]
    column: str | None = None


@dataclass
class Evidence:
    """Everything seen, in order."""

    fits: list[Fit] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    metrics: list[MetricUse] = field(default_factory=list)
    saved: list[tuple[int, str]] = field(default_factory=list)
    splits: list[tuple[str, str, str, str]] = field(default_factory=list)  # X_train, X_test, y_train, y_test
    made: dict[str, Made] = field(default_factory=dict)
    by_hand: list[Preparation] = field(default_factory=list)
    bound: set[str] = field(default_factory=set)
    derived: dict[str, set[str]] = field(default_factory=dict)  # a name, and the names it was made from
    transformed: dict[str, frozenset[str]] = field(default_factory=dict)  # a name, and those of the rows it transforms
