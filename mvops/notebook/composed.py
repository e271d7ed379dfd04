"""Transformers that a notebook applies by hand before its model: with it, they are one Pipeline, which takes raw rows.

Found where the data flow leaves no doubt: `rows = scaler.transform(raw)`, once for the rows that the model is fitted
on and once for those that it is judged on, by transformers of scikit-learn that are made and fitted once.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mvops.notebook.code import Code, modules_of, stored_counts
from mvops.notebook.estimators import last_part
from mvops.notebook.flow import CellFlow
from mvops.notebook.held_out import Chosen
from mvops.notebook.process_state import dotted
from mvops.notebook.walking import stored_names, targets_of

_END = 1_000_000  # behind every statement of a cell
_FITS = {"fit", "fit_transform", "partial_fit"}
_NOT_ROWS = ("Vectorizer", "LabelEncoder", "LabelBinarizer", "FeatureHasher")  # they take texts, or the target


@dataclass(frozen=True)
class Raw:
    """Rows as they were before the first transformer: the variable, and the last cell at whose end it held them."""

    name: str
    at: int


@dataclass(frozen=True)
class Composed:
    """`transformers` are variables, in the order in which they are applied; `features` are the held-out rows."""

    transformers: tuple[str, ...]
    features: Raw
    train_features: Raw


@dataclass(frozen=True)
class _Bound:
    place: tuple[int, int]  # cell, statement
    name: str
    value: ast.expr | None  # None for one of several that are bound at once


def composed(cells: Sequence[Code], flows: Sequence[CellFlow], chosen: Chosen) -> Composed | None:
    """What is done by hand to the rows of the chosen model, if all of it can be done by a Pipeline."""
    fit = chosen.fit
    known = fit.made.kind in {"classifier", "regressor"} and chosen.refitted is None and not chosen.on_training_rows
    if not known or not isinstance(chosen.features, ast.Name) or not isinstance(fit.features, ast.Name):
        return None
    history = _History(cells, flows)
    judged = history.before(chosen.features.id, (chosen.at, _END))
    trained = history.before(fit.features.id, (fit.at, _END))
    if judged is None or trained is None or judged[0] != trained[0]:
        return None
    return Composed(judged[0], judged[1], trained[1])


class _History:
    """What each name was bound to, at top level."""

    def __init__(self, cells: Sequence[Code], flows: Sequence[CellFlow]) -> None:
        self._flows = flows
        self._bound = list(_bound(cells))
        self._modules = modules_of(cells)
        self._stored = stored_counts(cells)
        self._seen = Counter(each.name for each in self._bound)
        calls = (node.func for code in cells for node in ast.walk(code.cell.tree) if isinstance(node, ast.Call))
        owners = (f.value for f in calls if isinstance(f, ast.Attribute) and f.attr in _FITS)
        self._fitted = Counter(owner.id for owner in owners if isinstance(owner, ast.Name))

    def before(self, name: str, place: tuple[int, int]) -> tuple[tuple[str, ...], Raw] | None:
        """The transformers that made the rows in `name` as it is at `place`, and the rows that they began with."""
        transformers: list[str] = []
        raw = Raw(name, place[0])
        while True:
            if self._stored[raw.name] != self._seen[raw.name]:  # bound in a loop or a function, too
                return None
            bound = self._last(raw.name, place)
            step = None if bound is None or bound.value is None else self._step(bound.value)
            if bound is None or step is None:
                break
            here = bound.place[0]
            changed = any(raw.name in flow.mutates for flow in self._flows[here : place[0] + 1])
            if changed or step[1] in self._flows[here].mutates:
                return None
            overwrites = step[1] == raw.name
            transformers.insert(0, step[0])
            raw, place = Raw(step[1], here - overwrites), bound.place
        made_at = -1 if bound is None else bound.place[0]
        if not transformers or made_at > raw.at or len(set(transformers)) < len(transformers):
            return None
        return tuple(transformers), raw

    def _last(self, name: str, place: tuple[int, int]) -> _Bound | None:
        return next((each for each in reversed(self._bound) if each.name == name and each.place < place), None)

    def _step(self, value: ast.expr) -> tuple[str, str] | None:
        """(transformer, rows) of `scaler.transform(rows)`."""
        match value:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id=owner), attr="transform" | "fit_transform"),
                args=[ast.Name(id=rows), *_],
            ) if self._is_ours(owner):
                return owner, rows
        return None

    def _is_ours(self, name: str) -> bool:
        made = [each.value for each in self._bound if each.name == name]
        if len(made) != 1 or self._stored[name] != 1 or self._fitted[name] != 1 or not isinstance(made[0], ast.Call):
            return False
        function = made[0].func
        origin = self._modules.get(dotted(function).partition(".")[0], "")
        return origin.partition(".")[0] == "sklearn" and not last_part(function).endswith(_NOT_ROWS)


def _bound(cells: Sequence[Code]) -> Iterator[_Bound]:
    for at, code in enumerate(cells):
        for number, statement in enumerate(code.cell.tree.body):
            if isinstance(statement, ast.Assign | ast.AnnAssign):
                for target, value in targets_of(statement):
                    single = isinstance(target, ast.Name)
                    for name in stored_names(target):
                        yield _Bound((at, number), name, value if single else None)
