"""Training and serving that would differ: features that are prepared outside the estimator."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from mvops.notebook.capture import Capture
from mvops.notebook.code import Code
from mvops.notebook.column_scan import ColumnScan, Computed
from mvops.notebook.estimators import Made, last_part
from mvops.notebook.findings import Fit, Use
from mvops.notebook.held_columns import Held
from mvops.notebook.walking import calls, loaded_names

_SHOWN = 4
_LONGEST = 60
_SAME = {"astype", "copy", "to_datetime", "to_numeric", "strip", "rename"}  # what is no other value afterwards


def skew_notes(cells: Sequence[Code], found: Capture) -> list[str]:
    """What the endpoint would not do with a raw row, and the smallest change that makes it."""
    at = found.crossed.at if found.crossed is not None else found.at
    if at is None:
        return []
    read = _Features(cells, at)
    read.run()
    return [*_preparations(cells, found, at, read), *_computed(cells, found, read)]


def _is_covered(found: Capture, at: int, code: str) -> bool:
    """Does the model itself do what the code in the cell at position `at` does?"""
    done = found.prepared.statements if found.prepared is not None else ()
    return any(cell == at and code in text for cell, text in done)


def _preparations(cells: Sequence[Code], found: Capture, at: int, read: _Features) -> list[str]:
    fitted: Fit | Use = found.crossed or next(
        f for f in reversed(found.seen.fits) if f.at == at and f.name == found.variable
    )
    names = {name for name in (found.features, found.train_features) if name}
    lineage = _ancestors(
        names | (loaded_names(fitted.features) if fitted.features is not None else set()), found.seen.derived
    )
    last = max(at, *(use.at for use in found.seen.uses if use.name == found.variable), 0)
    captured = tuple(f"{name}." for name in found.composed)
    steps = [p for p in found.seen.by_hand if p.names & lineage and p.at <= last and not p.what.startswith(captured)]
    steps = [p for p in steps if p.column is None or read.may_read(p.column)]
    steps = [p for p in steps if not _is_covered(found, p.at, p.what.removesuffix("..."))]
    if not steps:
        return []
    shown = list(dict.fromkeys(f"cell {cells[p.at].number} `{p.what}`" for p in steps))
    more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    note = (
        f"The features are prepared outside the model: {', '.join(shown[:_SHOWN])}{more}. The endpoint takes rows as "
        f"they are after that. To send raw rows, put these steps and the model into one sklearn Pipeline."
    )
    return [note]


def _computed(cells: Sequence[Code], found: Capture, read: _Features) -> list[str]:
    """Columns that the code computes, where it says that they are among the features."""
    computed = [each for each in read.found if not _is_covered(found, each.at, ast.unparse(each.value))]
    shown = [f"cell {cells[each.at].number} `{_shown(each)}`" for each in computed]
    if not shown:
        return []
    more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    note = (
        f"The model reads columns that the notebook computes: {', '.join(shown[:_SHOWN])}{more}. A request has to "
        f"bring them, computed in the same way. To send rows without them, compute them in the model's Pipeline, in a "
        f"FunctionTransformer."
    )
    return [note]


class _Features(ColumnScan):
    """The computed columns that the fit in the cell at position `of` gets; the last fit there counts."""

    def __init__(self, cells: Sequence[Code], of: int) -> None:
        super().__init__(cells)
        self.of = of
        self.found: list[Computed] = []
        self.answer: str | int | None = None
        self.table: Held | None = None

    def may_read(self, column: str) -> bool:
        """Is a column that was prepared perhaps among the features? The answer is not."""
        if self.table is None or self.table.part is not None or self.table.numbers:
            return column != self.answer
        return column == self.table.one if self.table.one is not None else self.table.has(column)

    def fitted(self, features: ast.expr, target: ast.expr, call: ast.Call, made: Made) -> None:
        del call, made
        table, wanted = self.columns.of(features), self.columns.of(target)
        if self.columns.at != self.of or table is None:
            return
        self.table = table
        self.answer = answer = wanted.single if wanted is not None and wanted.base == table.base else None
        self.found = [
            each
            for (base, column), each in self.computed.items()
            if base == table.base and column != answer and table.has(column) and _is_other(each.value)
        ]


def _is_other(value: ast.expr) -> bool:
    """May the values be others than those that the table had: no constant, and no mere change of type."""
    done = {last_part(call.func) or getattr(call.func, "attr", "") for call in calls(value)}
    if any(isinstance(node, ast.Attribute) and node.attr == "codes" for node in ast.walk(value)):  # of categories
        return True
    made = any(isinstance(node, ast.BinOp | ast.Compare | ast.Attribute) for node in ast.walk(value))
    return bool(done - _SAME) or (made and not done)


def _shown(computed: Computed) -> str:
    text = f"{computed.table}[{computed.column!r}] = {ast.unparse(computed.value)}"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _ancestors(names: set[str], derived: dict[str, set[str]]) -> set[str]:
    """The names and all that they were made from."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += derived.get(name, set())
    return found
