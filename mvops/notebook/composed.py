"""Transformers that a notebook applies by hand before its model: with it, they are one Pipeline, which takes raw rows.

Found where the data flow leaves no doubt: `rows = scaler.transform(raw)`, once for the rows that the model is fitted
on and once for those that it is judged on, by transformers of scikit-learn that are made and fitted once. A table made
of that again, `pd.DataFrame(scaler.transform(raw), columns=raw.columns)`, is what `set_output` gives of those that keep
every column.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from mvops.notebook.code import Code, modules_of, stored_counts
from mvops.notebook.estimators import last_part
from mvops.notebook.flow import CellFlow
from mvops.notebook.held_out import Chosen
from mvops.notebook.process_state import dotted
from mvops.notebook.walking import stored_names, targets_of

_KEEPS_COLUMNS = re.compile(
    r"\w*Scaler|Normalizer|PowerTransformer|QuantileTransformer|SimpleImputer|KNNImputer|IterativeImputer"
)
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
    """`transformers` are variables, in the order in which they are applied; `features` are the held-out rows.

    Those in `named` leave tables.
    """

    transformers: tuple[str, ...]
    named: tuple[str, ...]
    features: Raw
    train_features: Raw


@dataclass(frozen=True)
class _Step:
    """`transformer.transform(rows)`, as a table with the names of `columns` if that is not None."""

    transformer: str
    rows: str
    columns: str | None = None


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
    steps = judged[0]
    named = tuple(name for name, is_table in steps if is_table)
    return Composed(tuple(name for name, _ in steps), named, judged[1], trained[1])


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
        self._parts = dict(_parts_of_tables(cells))
        self._fitted = Counter(owner.id for owner in owners if isinstance(owner, ast.Name))

    def before(self, name: str, place: tuple[int, int]) -> tuple[tuple[tuple[str, bool], ...], Raw] | None:
        """What made the rows in `name` as it is at `place`, and the rows that it began with.

        That is transformers, in their order, and of each whether it left a table.
        """
        transformers: list[tuple[str, bool]] = []
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
            if changed or step.rows in self._flows[here].mutates or not self._has_columns(step):
                return None
            overwrites = step.rows == raw.name
            transformers.insert(0, (step.transformer, step.columns is not None))
            raw, place = Raw(step.rows, here - overwrites), bound.place
        made_at = -1 if bound is None else bound.place[0]
        if not transformers or made_at > raw.at or len(set(transformers)) < len(transformers):
            return None
        return tuple(transformers), raw

    def _last(self, name: str, place: tuple[int, int]) -> _Bound | None:
        return next((each for each in reversed(self._bound) if each.name == name and each.place < place), None)

    def _has_columns(self, step: _Step) -> bool:
        """Are the names of the table's columns, if it is made one, those of the rows that it was made from."""
        return step.columns in {None, step.rows, self._parts.get(step.rows)}

    def _step(self, value: ast.expr) -> _Step | None:
        match value:
            case ast.Call(func=function, args=[inner], keywords=settings) if self._is_table(function):
                step = self._step(inner)
                said = {setting.arg: setting.value for setting in settings}
                columns = said.get("columns")
                if step is None or step.columns or not said.keys() <= {"columns", "index"} or columns is None:
                    return None
                made = next(each.value for each in self._bound if each.name == step.transformer)
                if not (isinstance(made, ast.Call) and _KEEPS_COLUMNS.fullmatch(last_part(made.func))):
                    return None
                owner = columns.value if isinstance(columns, ast.Attribute) and columns.attr == "columns" else None
                return replace(step, columns=owner.id) if isinstance(owner, ast.Name) else None
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id=owner), attr="transform" | "fit_transform"),
                args=[ast.Name(id=rows), *_],
            ) if self._is_ours(owner):
                return _Step(owner, rows)
        return None

    def _is_table(self, function: ast.expr) -> bool:
        """Is it pandas' DataFrame."""
        origin = self._modules.get(dotted(function).partition(".")[0], "")
        return last_part(function) == "DataFrame" and origin.partition(".")[0] == "pandas"

    def _is_ours(self, name: str) -> bool:
        made = [each.value for each in self._bound if each.name == name]
        if len(made) != 1 or self._stored[name] != 1 or self._fitted[name] != 1 or not isinstance(made[0], ast.Call):
            return False
        function = made[0].func
        origin = self._modules.get(dotted(function).partition(".")[0], "")
        return origin.partition(".")[0] == "sklearn" and not last_part(function).endswith(_NOT_ROWS)


def _parts_of_tables(cells: Sequence[Code]) -> Iterator[tuple[str, str]]:
    """The rows that `train_test_split(table, ...)` makes, and the table, which has the same columns."""
    for code in cells:
        for statement in code.cell.tree.body:
            for target, value in targets_of(statement):
                if isinstance(value, ast.Call) and last_part(value.func) == "train_test_split" and value.args:
                    names, table = stored_names(target), value.args[0]
                    if isinstance(table, ast.Name) and len(names) == 2 * len(value.args):
                        yield from ((name, table.id) for name in names[:2] if name != table.id)


def _bound(cells: Sequence[Code]) -> Iterator[_Bound]:
    for at, code in enumerate(cells):
        for number, statement in enumerate(code.cell.tree.body):
            if isinstance(statement, ast.Assign | ast.AnnAssign):
                for target, value in targets_of(statement):
                    single = isinstance(target, ast.Name)
                    for name in stored_names(target):
                        yield _Bound((at, number), name, value if single else None)
