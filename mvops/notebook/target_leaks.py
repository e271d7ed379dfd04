"""Leaks by columns: the target, or what was computed from it, among the features that a model is fitted on."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from mvops.notebook.by_group import ByGroup, Groups
from mvops.notebook.code import Code, modules_of
from mvops.notebook.column_scan import ColumnScan
from mvops.notebook.estimators import Made
from mvops.notebook.finding import Finding, found_at
from mvops.notebook.held_columns import Held
from mvops.notebook.rows import Tables
from mvops.notebook.walking import stored_names, targets_of


def target_leaks(cells: Sequence[Code]) -> list[Finding]:
    """Only what the code says in so many words: columns that it names, and tables that it keeps whole."""
    scan = _Scan(cells)
    scan.run()
    return list(scan.findings)


class _Made(NamedTuple):
    """A column that is made of a statistic by groups."""

    of: ByGroup
    code: Code
    node: ast.AST
    column: str  # as it is written


class _Scan(ColumnScan):
    def __init__(self, cells: Sequence[Code]) -> None:
        super().__init__(cells)
        self.findings: dict[Finding, None] = {}
        self.groups = Groups(self.columns, Tables(modules_of(cells), made=self.made))
        self.by_group: dict[tuple[int, str], _Made] = {}  # by table and column

    def fitted(self, features: ast.expr, target: ast.expr, call: ast.Call, made: Made) -> None:
        table, wanted = self.columns.of(features), self.columns.of(target)
        column = wanted.single if wanted is not None else None
        if table is None or wanted is None or table.base != wanted.base or column is None:
            return
        if wanted.numbers or (made.kind == "regressor" and wanted.plain):
            table = replace(table, numbers=False)  # of numbers, as the target is
        at, line = table.where
        code = self.cells[at]
        if table.has(column):
            what, remedy = f"number {column}", "Take it out of the slice."
            if isinstance(column, str):
                what, remedy = repr(column), f"Take it out: .drop(columns={column!r})."
            message = (
                f"Cell {code.number} leaves the target, column {what}, among the features that cell {self.code.number} "
                f"fits `{ast.unparse(call.func)[:40]}` on."
            )
            self.findings[found_at(code, line, "leak", "warning", message, remedy)] = None
        elif isinstance(column, str):
            self._derived(table, column, code, line)
            self._summed_up(table, column)

    def _derived(self, table: Held, target: str, code: Code, line: int) -> None:
        known = self.columns.made.get(table.base, {})
        told = [name for name in sorted(_made_from(target, known)) if table.has(name)]
        single = known.get(target, frozenset())
        if len(single) == 1 and table.has(min(single)):
            told.append(min(single))
        for name in [name for name in told if (table.base, name) not in self.by_group][:3]:
            how = f"the target {target!r} is computed from it" if name in single else f"it is computed from {target!r}"
            message = (
                f"Cell {code.number} leaves the column {name!r} among the features, and {how}: it says the answer."
            )
            remedy = f"Take it out: .drop(columns={name!r})."
            self.findings[found_at(code, line, "leak", "warning", message, remedy)] = None

    def _summed_up(self, table: Held, target: str) -> None:
        """Means of the target by group, of rows that judge the model too."""
        for (base, column), made in self.by_group.items():
            if base != table.base or column == target or not table.has(column) or not made.of.tells(target):
                continue
            how = "from the groups' values of" if made.of.column == target else "by groups of"
            message = (
                f"Cell {made.code.number} computes the column {made.column} {how} the target {target!r}, of all rows: "
                "it holds answers of the rows that judge the model."
            )
            remedy = (
                "Split first and compute it from the training rows only; scikit-learn's TargetEncoder in a Pipeline "
                "with the model does that by itself."
            )
            self.findings[found_at(made.code, made.node, "leak", "warning", message, remedy)] = None

    def _statement(self, statement: ast.stmt) -> None:
        if isinstance(statement, ast.For):
            for target, value in targets_of(statement):
                self.groups.tables.assigned(stored_names(target), value, single=isinstance(target, ast.Name))
        super()._statement(statement)

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        super()._assign(target, value)
        names = stored_names(target)
        if names and not any(name in self.made for name in names):
            self.groups.tables.assigned(names, value, single=isinstance(target, ast.Name))

    def _assign_name(self, name: str, value: ast.expr) -> None:
        made, joined = self.groups.inside(value) or self.groups.of(value), self._joined(value)
        super()._assign_name(name, value)
        self.groups.named.pop(name, None)
        if joined is not None:
            table, column, of = joined
            self._hold(name, table)
            self.by_group[table.base, column] = _Made(of, self.code, value, repr(column))
        elif made is not None and name not in self.made and self.columns.of(value) is None:
            self.groups.named[name] = made

    def _joined(self, value: ast.expr) -> tuple[Held, str, ByGroup] | None:
        """`df.merge(means, on="g")`, where the column that comes to it has a name of its own."""
        match value:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="pd" | "pandas"), attr="merge"), args=[left, right, *_]):
                pass
            case ast.Call(func=ast.Attribute(value=left, attr="merge" | "join"), args=[right, *_]):
                pass
            case _:
                return None
        table, made = self.columns.of(left), self.groups.of(right)
        if table is None or made is None or made.called is None or not (made.done and made.of_all_rows):
            return None
        return table, made.called, made

    def _assign_column(self, owner: str, names: frozenset[str] | None, value: ast.expr) -> None:
        super()._assign_column(owner, names, value)
        held, made = self.columns.held.get(owner), self.groups.inside(value)
        if held is None or held.one is not None:
            return
        known = self.columns.made.setdefault(held.base, {})
        for name in names or ():
            self.by_group.pop((held.base, name), None)
            if made is not None and made.of_all_rows:
                known[name] = known.get(name, frozenset()) | {*made.keys, *filter(None, [made.column])} - {name}
            elif made is not None or self.groups.is_size(value):
                known[name] = frozenset()
        if made is not None and made.of_all_rows:  # a name that a loop makes is as good as any
            shown = repr(min(names)) if names else "that it names in a loop"
            self.by_group[held.base, min(names) if names else shown] = _Made(made, self.code, value, shown)


def _made_from(target: str, known: dict[str, frozenset[str]]) -> set[str]:
    """All columns that were computed from `target`, at one remove or more."""
    found: set[str] = set()
    while more := {name for name, sources in known.items() if {target, *found} & sources} - found - {target}:
        found |= more
    return found
