"""Rows that are prepared by numbers of their own: `scale(X)`, `(X - X.mean()) / X.std()`, `X.fillna(X.mean())`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from mvops.notebook.estimators import last_part
from mvops.notebook.objects import root
from mvops.notebook.rows import NONE, Tables, Tags
from mvops.notebook.walking import stored_names

SCALES = {
    *("scale", "minmax_scale", "maxabs_scale", "robust_scale", "quantile_transform", "power_transform", "zscore"),
}
SUMS = {
    "mean",
    "median",
    "mode",
    "std",
    "var",
    "min",
    "max",
    "sum",
    "quantile",
    "ptp",
    "nanmean",
    "nanstd",
    "amin",
    "amax",
}
_LONGEST = 50
_NOT_VALUES = (ast.Compare, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Slice)


@dataclass(frozen=True)
class Own:
    """`node` prepares these rows by numbers that it takes of them, `what`."""

    node: ast.AST
    rows: Tags
    what: str


@dataclass
class Sums:
    """Numbers that are taken of rows, statement by statement: `named` says which names hold them."""

    tables: Tables
    named: dict[str, tuple[Tags, str]] = field(default_factory=dict)

    def prepared(self, value: ast.AST) -> Own | None:
        """What an expression does to rows by numbers of their own."""
        for node in _values(value):
            match node:
                case ast.BinOp(left=left, op=ast.Sub() | ast.Div()):
                    rows = self.tables.rows(left)
                    found = next(((of, what) for of, what in self._sums(node.right) if of & rows), None)
                    if found is not None:
                        return Own(node, *found)
        return None

    def assigned(self, target: ast.expr, value: ast.expr) -> None:
        """`mean = X.mean()`."""
        for name in stored_names(target):
            self.named.pop(name, None)
        if isinstance(target, ast.Name) and not self.tables.rows(value):
            found = next(self._sums(value), None)
            if found is not None:
                self.named[target.id] = found

    def of_call(self, call: ast.Call) -> Own | None:
        """`scale(X)`."""
        rows = self.tables.rows(call.args[0]) if call.args else NONE
        library = root(call.func) in self.tables.modules
        return Own(call, rows, written(call)) if rows and library and last_part(call.func) in SCALES else None

    def _sums(self, value: ast.AST) -> Iterator[tuple[Tags, str]]:
        for node in _values(value):
            match node:
                case ast.Name(id=name) if name in self.named:
                    yield self.named[name]
                case ast.Call(func=ast.Attribute(value=owner, attr=method)) if method in SUMS:
                    rows = self.tables.rows(owner) or (self.tables.rows(node.args[0]) if node.args else NONE)
                    if rows:
                        yield rows, written(node)


def value_names(node: ast.AST) -> set[str]:
    """The names whose values an expression takes over; none that are only compared, or that pick rows or columns."""
    if isinstance(node, ast.Name):
        return {node.id}
    if isinstance(node, ast.Compare):
        return set()
    children = [node.value] if isinstance(node, ast.Subscript) else ast.iter_child_nodes(node)
    return {name for child in children for name in value_names(child)}


def written(node: ast.AST) -> str:
    """The code in one line, short."""
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _values(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of an expression that its value is computed from; none that only pick rows."""
    yield node
    if isinstance(node, _NOT_VALUES):
        return
    children = [node.value] if isinstance(node, ast.Subscript) else ast.iter_child_nodes(node)
    for child in children:
        yield from _values(child)
