"""Statistics by groups, such as `df.groupby("g")["y"].mean()`, followed through names and what is made of them."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field, replace

from mvops.notebook.columns import Columns
from mvops.notebook.estimators import last_part
from mvops.notebook.literals import keyword
from mvops.notebook.rows import Tables, Tags

_EARLIER = ("shift", "rolling", "expanding", "ewm", "diff", "pct_change", "cumsum", "cummax", "cummin")
_LOOKS_BACK = re.compile(rf"\b(?:{'|'.join(_EARLIER)})\(")
_SIZES = {"count", "size", "nunique", "ngroup", "ngroups", "cumcount"}
_NO_SUMS = {  # of a group: which rows are in it, or what came before
    *("groups", "indices", "get_group", "head", "tail", "nth", "first", "last", "sample", "filter"),
    *("plot", "hist", "boxplot", *_EARLIER),
}
_SUMS = {
    *("mean", "median", "sum", "std", "var", "min", "max", "mode", "quantile", "prod", "sem", "skew", "describe"),
    *("transform", "agg", "aggregate", "apply"),
}
_FILLS = {"fillna", "ffill", "bfill", "interpolate"}


@dataclass(frozen=True)
class ByGroup:
    """The rows of the table `base`, grouped by `keys`: one `column` of it, and `called` if that got another name.

    `done` once the groups are summed up.
    """

    base: int
    rows: Tags
    keys: frozenset[str]
    column: str | None = None
    called: str | None = None
    done: bool = False

    @property
    def of_all_rows(self) -> bool:
        """Are rows among them that are no training rows?"""
        return not self.rows or any(kind != "train" for kind, _ in self.rows)

    def tells(self, column: str) -> bool:
        """Is what came of it made of the values of this column?"""
        return self.done and column in {self.column, *self.keys}


@dataclass
class Groups:
    """What is grouped, statement by statement: `named` says which names hold it, or what was made of it."""

    columns: Columns
    tables: Tables
    named: dict[str, ByGroup] = field(default_factory=dict)

    def inside(self, value: ast.AST) -> ByGroup | None:
        """What is summed up by groups anywhere in an expression."""
        if _LOOKS_BACK.search(ast.unparse(value)):
            return None
        found = (self.of(node) for node in ast.walk(value) if isinstance(node, ast.expr))
        return next((each for each in found if each is not None and each.done and each.column is not None), None)

    def is_size(self, value: ast.AST) -> bool:
        """Does an expression ask groups how large they are, and nothing else?"""
        asked = [
            (call.func.attr, call)
            for call in ast.walk(value)
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and self.of(call.func.value)
        ]
        return bool(asked) and all(_is_size(method, call) for method, call in asked)

    def of(self, node: ast.expr) -> ByGroup | None:
        """What an expression itself is, if it is grouped."""
        match node:
            case ast.Name(id=name):
                return self.named.get(name)
            case ast.Call(func=ast.Attribute(value=inner, attr="groupby")):
                return self._grouped(inner, node)
            case ast.Call(func=ast.Attribute(value=inner, attr=method)):
                found = self.of(inner)
                return found and _asked(found, method, node, self.columns)
            case ast.Subscript(value=inner, slice=part):
                found = self.of(inner)
                return found and _picked(found, self.columns.named(part))
            case ast.Attribute(value=inner, attr=attr):
                found = self.of(inner)
                return found and (found if found.done else _picked(found, frozenset({attr})))
        return None

    def _grouped(self, table: ast.expr, call: ast.Call) -> ByGroup | None:
        held = self.columns.of(table)
        if held is None:
            return None
        by = call.args[0] if call.args else keyword(call, "by")
        keys = self.columns.named(by)
        if keys is None and (key := self.columns.of(by)) is not None:  # y.groupby(X["g"])
            keys = frozenset({key.single}) if isinstance(key.single, str) else None
        column = held.single if isinstance(held.single, str) else None
        return ByGroup(held.base, self.tables.rows(table), keys or frozenset(), column)


def _picked(found: ByGroup, names: frozenset[str] | None) -> ByGroup | None:
    if names is not None and names & _SIZES:
        return None
    return replace(found, column=min(names)) if found.column is None and names and len(names) == 1 else found


def _asked(found: ByGroup, method: str, call: ast.Call, columns: Columns) -> ByGroup | None:
    """What a method makes of groups, or of what was summed up by groups."""
    if method in _SIZES | _NO_SUMS:
        return None
    if method not in _SUMS or found.done:
        match keyword(call, "name") or (call.args[0] if method == "rename" and call.args else None):
            case ast.Constant(value=str(called)):
                return replace(found, called=called)
        return found
    filled = {last_part(c.func) or getattr(c.func, "attr", "") for c in ast.walk(call) if isinstance(c, ast.Call)}
    if filled & _FILLS or _is_size(method, call):
        return None
    match call:  # both name the column themselves
        case ast.Call(args=[ast.Dict(keys=[ast.Constant(value=str(column))])]):
            found = replace(found, column=column)
        case ast.Call(args=[], keywords=[ast.keyword(arg=str(called), value=ast.Tuple(elts=[first, _])), *_]):
            names = columns.named(first)
            found = replace(found, column=min(names), called=called) if names else found
    return replace(found, done=True)


def _is_size(method: str, call: ast.Call) -> bool:
    """`count()`, or `transform("count")`."""
    words = {node.value for node in ast.walk(call) if isinstance(node, ast.Constant)}
    return method in _SIZES or bool(words & _SIZES and not words & _SUMS)
