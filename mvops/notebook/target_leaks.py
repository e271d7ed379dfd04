"""Leaks by columns: the target, or what was computed from it, among the features that a model is fitted on."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from mvops.notebook.code import Code
from mvops.notebook.column_scan import ColumnScan
from mvops.notebook.columns import Held
from mvops.notebook.finding import Finding, found_at


def target_leaks(cells: Sequence[Code]) -> list[Finding]:
    """Only what the code says in so many words: columns that it names, and tables that it keeps whole."""
    scan = _Scan(cells)
    scan.run()
    return list(scan.findings)


class _Scan(ColumnScan):
    def __init__(self, cells: Sequence[Code]) -> None:
        super().__init__(cells)
        self.findings: dict[Finding, None] = {}

    def fitted(self, features: ast.expr, target: ast.expr, call: ast.Call) -> None:
        table, wanted = self.columns.of(features), self.columns.of(target)
        column = wanted.single if wanted is not None else None
        if table is None or wanted is None or table.base != wanted.base or column is None:
            return
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

    def _derived(self, table: Held, target: str, code: Code, line: int) -> None:
        known = self.columns.made.get(table.base, {})
        told = [name for name in sorted(_made_from(target, known)) if table.has(name)]
        single = known.get(target, frozenset())
        if len(single) == 1 and table.has(min(single)):
            told.append(min(single))
        for name in told[:3]:
            how = f"the target {target!r} is computed from it" if name in single else f"it is computed from {target!r}"
            message = (
                f"Cell {code.number} leaves the column {name!r} among the features, and {how}: it says the answer."
            )
            remedy = f"Take it out: .drop(columns={name!r})."
            self.findings[found_at(code, line, "leak", "warning", message, remedy)] = None


def _made_from(target: str, known: dict[str, frozenset[str]]) -> set[str]:
    """All columns that were computed from `target`, at one remove or more."""
    found: set[str] = set()
    while more := {name for name, sources in known.items() if {target, *found} & sources} - found - {target}:
        found |= more
    return found
