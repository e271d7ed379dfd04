"""Goes through a notebook's statements and knows which columns its tables hold, and which of them it computed."""

from __future__ import annotations

import ast
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mvops.notebook.code import Code, modules_of
from mvops.notebook.column_choice import CHANGES
from mvops.notebook.columns import Columns
from mvops.notebook.estimators import Made, last_part, made_by
from mvops.notebook.held_columns import Held
from mvops.notebook.inlining import by_original_names
from mvops.notebook.literals import keyword
from mvops.notebook.objects import loop_sources, root
from mvops.notebook.walking import calls_of, loaded_names, statements, stored_names, targets_of

_EARLIER = re.compile(r"\.(?:shift|rolling|expanding|ewm|diff|pct_change|cumsum|cummax|cummin)\(")
_CHOOSES = re.compile(
    r"ColumnTransformer|make_column_transformer|ColumnSelector|ItemSelector|DataFrameMapper|columns?="
)


@dataclass(frozen=True)
class Computed:
    """`table[column] = value` in the cell at position `at`."""

    column: str
    at: int
    table: str
    value: ast.expr


class ColumnScan(ABC):
    """Goes through the statements in their order; what becomes of each fit is a subclass's to say."""

    def __init__(self, cells: Sequence[Code]) -> None:
        self.cells = cells
        self.columns = Columns(modules=modules_of(cells))
        self.made: dict[str, Made] = {}
        self.choosing: set[str] = set()  # models that take the columns they want
        self.loops: dict[str, list[str]] = {}
        self.computed: dict[tuple[int, str], Computed] = {}  # by table and column, as it was last
        self.code: Code

    @abstractmethod
    def fitted(self, features: ast.expr, target: ast.expr, call: ast.Call, made: Made) -> None:
        """A model that takes all columns that it is given, `made`, is fitted by the call."""

    def run(self) -> None:
        """All cells."""
        for at, (code, tree) in enumerate(zip(self.cells, by_original_names(self.cells), strict=True)):
            self.columns.at, self.code = at, code
            for statement in statements(tree.body):
                self._statement(statement)

    def _statement(self, statement: ast.stmt) -> None:
        for call in calls_of(statement):
            self._call(call)
        if isinstance(statement, ast.Delete):
            for target in statement.targets:
                if isinstance(target, ast.Subscript):
                    self._without(root(target), self.columns.named(target.slice))
        if isinstance(statement, ast.For) and isinstance(statement.target, ast.Name):
            self.loops[statement.target.id] = loop_sources(statement.iter)
        if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
            self.columns.forget(statement.target.id)
        pairs = targets_of(statement)
        for target, value in [] if isinstance(statement, ast.For) else pairs:
            self._assign(target, value)
        for name in stored_names(statement) if isinstance(statement, ast.For) else ():
            self.columns.held.pop(name, None)

    def _call(self, call: ast.Call) -> None:
        name = last_part(call.func) or (call.func.attr if isinstance(call.func, ast.Attribute) else "")
        owner = call.func.value if isinstance(call.func, ast.Attribute) else None
        if name == "fit" and owner is not None and len(call.args) > 1:
            made = made_by(owner, self.made)
            if made is not None and made.kind in {"classifier", "regressor", "predictor"} and not self._chooses(owner):
                self.fitted(call.args[0], call.args[1], call, made)
        elif name in {"cross_val_score", "cross_validate"} and len(call.args) > 2:
            made = made_by(call.args[0], self.made)
            if made is not None and not self._chooses(call.args[0]):
                self.fitted(call.args[1], call.args[2], call, made)
        elif isinstance(owner, ast.Name) and name in CHANGES and self.columns.knows(owner.id):
            self.columns.changed(owner.id, name, call)
        elif isinstance(owner, ast.Name) and name == "insert" and len(call.args) > 2:
            self._assign_column(owner.id, self.columns.named(call.args[1]), call.args[2])
        elif owner is not None and name == "pop" and call.args:
            self._without(root(owner), self.columns.named(call.args[0]))
        elif owner is not None and isinstance(owner, ast.Name) and keyword(call, "inplace") is not None:
            for changed in self._meant(owner.id):
                self._in_place(changed, name, call)

    def _in_place(self, changed: str, name: str, call: ast.Call) -> None:
        held = self.columns.held.get(changed)
        if name == "drop":
            self._change(changed, self.columns.dropped(call, held))
        elif name in {"rename", "set_index"}:
            self._change(changed, None)

    def _meant(self, name: str) -> list[str]:
        """The tables that a loop's variable stands for, one after the other."""
        return self.loops.get(name) or [name]

    def _hold(self, name: str, held: Held | None) -> None:
        self.columns.held.pop(name, None)
        if held is not None:
            self.columns.held[name] = held

    def _change(self, name: str, held: Held | None) -> None:
        """The table itself is another one now, under whatever names it goes."""
        before = self.columns.held.get(name)
        for alias in [each for each, other in self.columns.held.items() if other is before]:
            self._hold(alias, held)

    def _without(self, owner: str | None, names: frozenset[str] | None) -> None:
        for name in self._meant(owner or ""):
            held = self.columns.held.get(name)
            if held is not None:
                kept = None if names is None else replace(held, without=held.without | names)
                self._change(name, kept)

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        match target:
            case ast.Name(id=name):
                self._assign_name(name, value)
            case ast.Subscript(value=ast.Name(id=owner), slice=part):
                for name in self._meant(owner):
                    self._assign_column(name, self.columns.named(part), value)
            case ast.Subscript(
                value=ast.Attribute(value=ast.Name(id=owner), attr="loc"),
                slice=ast.Tuple(elts=[ast.Slice(lower=None, upper=None), part]),
            ):
                self._assign_column(owner, self.columns.named(part), value)
            case ast.Attribute(value=ast.Name(id=owner), attr="columns" | "index"):
                self.columns.held.pop(owner, None)
            case ast.Attribute(value=ast.Name(id=owner), attr=attr):
                self._assign_column(owner, frozenset({attr}), value)
            case _:
                names = stored_names(target)
                is_split = isinstance(value, ast.Call) and last_part(value.func) == "train_test_split"
                parts = value.args if is_split and isinstance(value, ast.Call) else []
                held = [self.columns.of(part) for part in parts if not isinstance(part, ast.Starred)]
                for nth, name in enumerate(names):
                    self._hold(name, held[nth // 2] if len(names) == 2 * len(held) else None)

    def _assign_name(self, name: str, value: ast.expr) -> None:
        self.made.pop(name, None)
        self.loops.pop(name, None)
        self.columns.word(name, value)
        found = made_by(value, self.made)
        if found is not None:
            self.made[name] = found
            if self._chooses(value):
                self.choosing.add(name)
            self.columns.held.pop(name, None)
            return
        held = self.columns.of(value)
        if held is not None and not isinstance(value, ast.Name):  # another name of the same table stays one
            held = replace(held, where=(self.columns.at, value.lineno))
        self._hold(name, held)
        for given in value.keywords if isinstance(value, ast.Call) and last_part(value.func) == "assign" else ():
            self._assign_column(name, frozenset({given.arg}) if given.arg else None, given.value)

    def _assign_column(self, owner: str, names: frozenset[str] | None, value: ast.expr) -> None:
        held = self.columns.held.get(owner)
        if held is None or held.one is not None:
            return
        if names is None:  # what was chosen before may lack it
            self.columns.chosen.clear()
            return
        sources = _columns_in(value, owner, self.columns)
        self.columns.added(owner, names, sources)
        known = self.columns.made.setdefault(held.base, {})
        for name in names:
            self.computed[held.base, name] = Computed(name, self.columns.at, owner, value)
            if name not in sources:
                earlier = bool(_EARLIER.search(ast.unparse(value)))
                known[name] = frozenset() if earlier else sources

    def _chooses(self, owner: ast.expr) -> bool:
        """Does the model pick columns itself?"""
        return bool(_CHOOSES.search(ast.unparse(owner))) or bool(loaded_names(owner) & self.choosing)


def _columns_in(value: ast.expr, owner: str, columns: Columns) -> frozenset[str]:
    """The columns of the table `owner` that an expression reads."""
    found: set[str] = set()
    for node in ast.walk(value):
        match node:
            case ast.Subscript(value=inner, slice=part) if owner in loaded_names(inner):
                found |= columns.named(part) or set()
            case ast.Attribute(value=ast.Name(id=name), attr=attr) if name == owner:
                found.add(attr)
    return frozenset(found)
