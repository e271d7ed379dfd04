"""Expressions of a notebook, written again for any rows: what is taken from all rows is asked for by a key.

Which is which is told by the names of methods.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Sequence
from typing import Literal

from mvops.notebook.estimators import last_part
from mvops.notebook.literals import keyword
from mvops.notebook.walking import loaded_names

Kind = Literal["fixed", "learnt", "rows"]  # no row matters to the value; all rows make it; a value for each row

_LEARNT = {
    *("mean", "median", "mode", "std", "var", "min", "max", "quantile", "nunique", "unique", "value_counts", "count"),
    *("sum", "corr", "describe", "skew", "kurt", "idxmax", "idxmin"),
}
_ABOUT_ALL = {"columns", "dtypes", "shape", "size", "ndim", "empty"}
CHOOSE_ROWS = {"dropna", "drop_duplicates", "query", "head", "tail", "sample", "nlargest", "nsmallest"}
_CHOOSE_COLUMNS = {"select_dtypes", "filter"}
SAME_ROWS = {"drop", "pop", "copy", "rename", "reset_index", "to_numpy", "filter", "select_dtypes", *CHOOSE_ROWS}
_ELSEWHERE = {"merge", "merge_asof", "merge_ordered"}  # a row that finds no partner there is lost
_INDEXERS = {"loc", "iloc"}
_OF_EACH = {"str", "dt"}  # `df.name.str.count("a")` counts in each row


class UnsureError(Exception):
    """The code is of a kind that cannot be written again."""


class Values:
    """Writes expressions again; `table` holds rows, `fresh` makes new names."""

    def __init__(self, table: str, fresh: Callable[[str], str]) -> None:
        self.kinds: dict[str, Kind] = {table: "rows"}
        self.prepares = False  # are values made, or are rows and columns only chosen
        self.fresh = fresh
        self.renamed: dict[str, str] = {}  # an estimator, and the variable with what it has learnt
        self.loops: list[str] = []  # the variables of the loops around
        self._keys = 0

    def kind(self, name: str) -> Kind:
        """Of what the name holds."""
        return self.kinds.get(name, "fixed")

    def of(self, node: ast.expr) -> tuple[ast.expr, Kind]:  # noqa: PLR0911 -- one line for each form
        """The expression in its new form, and what kind of value it has. What is learnt is not marked as such yet."""
        match node:
            case ast.Name(id=name):
                return ast.Name(self.renamed.get(name, name), node.ctx), self.kind(name)
            case ast.Attribute(value=inner, attr=attr):
                new, kind = self.of(inner)
                about_all = kind == "rows" and attr in _ABOUT_ALL
                return ast.Attribute(new, attr, node.ctx), "learnt" if about_all else kind
            case ast.Subscript():
                return self._picked(node)
            case ast.Call():
                return self._call(node)
            case ast.Lambda() | ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                used = {self.kind(name) for name in loaded_names(node)}
                return node, "learnt" if used - {"fixed"} and not isinstance(node, ast.Lambda) else "fixed"
            case ast.BinOp() | ast.Compare() | ast.BoolOp() | ast.UnaryOp():
                kind = self._parts(node)
                self.prepares |= kind == "rows"
                return node, kind
        return node, self._parts(node)

    def _parts(self, node: ast.AST, owner: Kind = "fixed") -> Kind:
        """Writes what is below a node again; the kind is that of the whole, a method's `owner` included."""
        found: list[tuple[ast.AST, str, int | None, ast.expr, Kind]] = []
        self._collect(node, found)
        kinds = {kind for *_, kind in found}
        whole = _most(owner, *kinds)
        for parent, field, at, new, kind in found:
            value = self.settled(new, kind) if whole == "rows" else new
            if at is None:
                setattr(parent, field, value)
            else:
                getattr(parent, field)[at] = value
        return whole

    def _collect(self, node: ast.AST, found: list[tuple[ast.AST, str, int | None, ast.expr, Kind]]) -> None:
        for field, value in ast.iter_fields(node):
            for at, part in enumerate(value) if isinstance(value, list) else [(None, value)]:
                if isinstance(part, ast.expr):
                    found.append((node, field, at, *self.of(part)))
                elif isinstance(part, ast.keyword):
                    self._collect(part, found)

    def _picked(self, node: ast.Subscript) -> tuple[ast.expr, Kind]:
        if isinstance(node.value, ast.Attribute) and node.value.attr in _INDEXERS:
            node.value.value, kind = self.of(node.value.value)
            if kind == "rows":
                return self._located(node, node.value.value), "rows"
        node.value, kind = self.of(node.value)
        if kind == "rows" and (isinstance(node.slice, ast.Slice) or self._is_mask(node.slice)):
            return _while_learning(node, node.value), "rows"
        part, other = self.of(node.slice)
        node.slice = self.settled(part, other) if kind == "rows" else part
        return node, _most(kind, other)

    def _located(self, node: ast.Subscript, table: ast.expr) -> ast.expr:
        if not isinstance(node.slice, ast.Tuple):
            return _while_learning(node, table)
        rows, columns = node.slice.elts
        if not isinstance(rows, ast.Slice) or rows.lower is not None or rows.upper is not None:
            raise UnsureError
        node.slice.elts[1] = self.settled(*self.of(columns))
        return node

    def _is_mask(self, part: ast.expr) -> bool:
        return not isinstance(part, ast.List | ast.Constant) and self.of(copy.deepcopy(part))[1] == "rows"

    def _call(self, call: ast.Call) -> tuple[ast.expr, Kind]:
        method = call.func if isinstance(call.func, ast.Attribute) else None
        name = method.attr if method else last_part(call.func)
        before = copy.deepcopy(call)
        owner, kind = self.of(method.value) if method else (call.func, "fixed")
        if kind != "rows":
            return self._function(call, before, owner, name, kind)
        assert method is not None
        method.value = owner
        if name in _ELSEWHERE:
            raise UnsureError
        if name == "select_dtypes" or (name in CHOOSE_ROWS and of_columns(call)):
            self.arguments(call)
            names = ast.Attribute(call, "columns", ast.Load())
            return ast.Subscript(owner, self._once(names), ast.Load()), "rows"
        if name in CHOOSE_ROWS or (name == "drop" and not of_columns(call)):
            return _while_learning(call, owner), "rows"
        if name in _LEARNT and not of_columns(call) and getattr(method.value, "attr", "") not in _OF_EACH:
            return before, "learnt"
        if name == "astype" and call.args and _is_text(call.args[0], "category"):
            self.prepares = True
            return self._ask("categories", owner), "rows"
        self.arguments(call)
        self.prepares |= name not in SAME_ROWS
        return call, "rows"

    def _function(
        self, call: ast.Call, before: ast.Call, owner: ast.expr, name: str, kind: Kind
    ) -> tuple[ast.expr, Kind]:
        """A call that is none of a method of rows."""
        first = self.of(copy.deepcopy(call.args[0]))[1] if call.args else "fixed"
        if name in _ELSEWHERE and first == "rows":
            raise UnsureError
        if name == "get_dummies" and first == "rows":
            self.arguments(call)
            self.prepares = True
            return self._ask("dummies", *call.args, keywords=call.keywords), "rows"
        if name == "fit_transform" and first == "rows":
            rows = self.of(copy.deepcopy(call.args[0]))[0]
            fitted = self.fitted(owner, call.args[0])
            return ast.Call(ast.Attribute(fitted, "transform", ast.Load()), [rows], []), "rows"
        whole = self.arguments(call, kind)
        if whole != "rows":
            return before, whole
        if isinstance(call.func, ast.Attribute):
            call.func.value = owner
        self.prepares |= name not in {"concat", "DataFrame"}
        return call, "rows"

    def arguments(self, call: ast.Call, owner: Kind = "rows") -> Kind:
        """Writes the arguments of a call again; the kind is that of its value, a method's `owner` included."""
        kept, call.func = call.func, ast.Name("function", ast.Load())
        whole = self._parts(call, owner)
        call.func = kept
        return whole

    # what is learnt

    def settled(self, node: ast.expr, kind: Kind) -> ast.expr:
        """The expression, asked for by a key where all rows make its value."""
        return self._once(node) if kind == "learnt" else node

    def _once(self, value: ast.expr) -> ast.expr:
        nothing = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
        return self._ask("once", ast.Lambda(nothing, value))

    def fitted(self, estimator: ast.expr, rows: ast.expr) -> ast.expr:
        """The estimator as it was fitted on all rows."""
        self.prepares = True
        return self._ask("fitted", estimator, self.settled(*self.of(rows)))

    def _ask(self, what: str, *arguments: ast.expr, keywords: Sequence[ast.keyword] = ()) -> ast.expr:
        """A call of one of the methods that remember, under a key of its own."""
        self._keys += 1
        key: ast.expr = ast.Constant(self._keys)
        if self.loops:
            key = ast.Tuple([key, *(ast.Name(name, ast.Load()) for name in self.loops)], ast.Load())
        method = ast.Attribute(ast.Name("self", ast.Load()), what, ast.Load())
        return ast.Call(method, [key, *arguments], list(keywords))


def _most(*kinds: Kind) -> Kind:
    """The kind of what is made of such values."""
    order: tuple[Kind, ...] = ("rows", "learnt")
    return next((kind for kind in order if kind in kinds), "fixed")


def learns() -> ast.expr:
    """Is it fitted just now."""
    return ast.Attribute(ast.Name("self", ast.Load()), "learns_", ast.Load())


def _while_learning(choice: ast.expr, rows: ast.expr) -> ast.expr:
    return ast.IfExp(test=learns(), body=chosen(choice), orelse=rows)


def chosen(rows: ast.expr) -> ast.expr:
    """The rows, which are remembered as those that are left."""
    return ast.Call(ast.Attribute(ast.Name("self", ast.Load()), "chosen", ast.Load()), [rows], [])


def of_columns(call: ast.Call) -> bool:
    """Is it about columns: `axis=1`, `columns=`."""
    axis = keyword(call, "axis")
    if axis is None and len(call.args) > 1:
        axis = call.args[1]
    named = keyword(call, "columns") is not None
    return named or (isinstance(axis, ast.Constant) and axis.value in {1, "columns"})


def _is_text(node: ast.expr, text: str) -> bool:
    return isinstance(node, ast.Constant) and node.value == text
