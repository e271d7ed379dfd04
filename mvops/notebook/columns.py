"""Which columns of a table a name of a notebook holds, as far as the code says it in so many words."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from mvops.notebook.estimators import last_part
from mvops.notebook.literals import keyword, number
from mvops.notebook.objects import root

_KEEPS = {  # methods that leave the columns as they are
    *(
        "copy",
        "dropna",
        "fillna",
        "reset_index",
        "sample",
        "astype",
        "head",
        "tail",
        "query",
        "sort_values",
        "to_numpy",
    ),
    *("drop_duplicates", "assign", "set_axis", "round", "sort_index", "interpolate", "ffill", "bfill", "replace"),
}
_KEEPS_OF_FIRST = {
    "array",
    "asarray",
    "DataFrame",
    "get_dummies",
    "fit_transform",
    "transform",
    "shuffle",
    "add_constant",
}


@dataclass(frozen=True)
class Held:
    """Columns of the table `base`: all, or `only` these, without some. `one` is a single column, by name or place.

    `part` is a slice by place of all columns. `line` is where that was said.
    """

    base: int
    only: frozenset[str] | None = None
    without: frozenset[str] = frozenset()
    one: str | int | None = None
    part: tuple[int | None, int | None] | None = None
    where: tuple[int, int] = (0, 0)  # position of the cell, line

    @property
    def single(self) -> str | int | None:
        """The one column that this is, as `df["y"]` or `df[["y"]]`."""
        return min(self.only) if self.one is None and self.only is not None and len(self.only) == 1 else self.one

    def has(self, column: str | int) -> bool:
        """Surely holds this column of its table."""
        if self.one is not None:
            return False
        if isinstance(column, int):
            whole = self.only is None and not self.without
            return _inside(column, self.part) if self.part is not None else whole
        return self.part is None and column not in self.without and (self.only is None or column in self.only)


def _inside(place: int, part: tuple[int | None, int | None]) -> bool:
    """Is the place surely in the slice; places from the end compare with such only."""
    start, end = part
    if place < 0:
        return (start is None or start >= 0 or start <= place) and (end is None or (end < 0 and place < end))
    return (start is None or 0 <= start <= place) and (end is None or (end >= 0 and place < end))


@dataclass
class Columns:
    """What the names hold, statement by statement. A name that is not there may hold anything."""

    modules: Mapping[str, str]
    at: int = 0
    held: dict[str, Held] = field(default_factory=dict)
    words: dict[str, frozenset[str]] = field(default_factory=dict)  # names that hold names of columns
    made: dict[int, dict[str, frozenset[str]]] = field(default_factory=dict)  # table -> column -> made of these
    _texts: set[str] = field(default_factory=set)  # of `words`, those that hold one name and no list
    _tables: int = 0

    def table(self, line: int) -> Held:
        """A table of which nothing is known but that it is one."""
        self._tables += 1
        return Held(self._tables, where=(self.at, line))

    def of(self, node: ast.AST | None) -> Held | None:  # noqa: PLR0911 -- one line for each form
        """What an expression holds; None where that cannot be told."""
        match node:
            case ast.Name(id=name):
                return self.held.get(name)
            case ast.Attribute(value=inner, attr="values" | "T" | "loc" | "iloc"):
                return self.of(inner)
            case ast.Attribute(value=inner, attr=attr):
                return self._picked(self.of(inner), frozenset({attr}), node, one=True)
            case ast.Subscript(value=ast.Attribute(value=inner, attr="iloc"), slice=part):
                return self._by_place(self.of(inner), part, node)
            case ast.Subscript(value=ast.Attribute(value=inner, attr="loc"), slice=part):
                columns = part.elts[1] if isinstance(part, ast.Tuple) and len(part.elts) == 2 else None
                return self.of(inner) if columns is None else self._by_name(self.of(inner), columns, node, rows=False)
            case ast.Subscript(value=inner, slice=part):
                return self._by_name(self.of(inner), part, node)
            case ast.Call():
                return self._called(node)
        return None

    def named(self, node: ast.AST | None) -> frozenset[str] | None:
        """The names of columns that an expression stands for."""
        match node:
            case ast.Constant(value=str(name)):
                return frozenset({name})
            case ast.List(elts=parts) | ast.Tuple(elts=parts):
                found = [self.named(part) for part in parts]
                return None if None in found else frozenset(name for names in found for name in names or ())
            case ast.Name(id=name):
                return self.words.get(name)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                one, other = self.named(left), self.named(right)
                return None if one is None or other is None else one | other
        return None

    def dropped(self, call: ast.Call, held: Held | None) -> Held | None:
        """What `held.drop(...)` leaves."""
        if held is None:
            return None
        axis, columns = keyword(call, "axis"), keyword(call, "columns")
        labels = keyword(call, "labels") or (call.args[0] if call.args else None)
        if axis is None and len(call.args) > 1:
            axis = call.args[1]
        of_columns = isinstance(axis, ast.Constant) and axis.value in {1, "columns"}
        if columns is None and not of_columns:
            return held  # rows
        names = self.named(columns or labels)
        if names is None:
            return None
        return replace(held, without=held.without | names, where=(self.at, call.lineno))

    def _called(self, call: ast.Call) -> Held | None:  # noqa: PLR0911 -- one line for each form
        name = last_part(call.func) or (call.func.attr if isinstance(call.func, ast.Attribute) else "")
        function = isinstance(call.func, ast.Name) or root(call.func) in self.modules
        if (name.startswith("read_") or name == "load_dataset") and function:
            return self.table(call.lineno)
        if name in _KEEPS_OF_FIRST:
            first = self.of(call.args[0] if call.args else None)
            return self.table(call.lineno) if first is None and name == "DataFrame" else first
        if function or not isinstance(call.func, ast.Attribute):
            return None
        held = self.of(call.func.value)
        if name == "drop":
            return self.dropped(call, held)
        if name == "pop" and call.args:
            return self._by_name(held, call.args[0], call)
        if name == "filter" and (items := keyword(call, "items") or (call.args[0] if call.args else None)) is not None:
            return self._by_name(held, items, call)
        if held is not None and held.one is not None and name not in {"value_counts", "unique", "nunique"}:
            return held if name in _KEEPS | {"map", "apply", "ravel", "reshape", "to_frame", "str", "squeeze"} else None
        return held if name in _KEEPS else None

    def _by_name(self, held: Held | None, part: ast.AST, node: ast.expr, *, rows: bool = True) -> Held | None:
        """`held[part]`; with `rows`, a slice or a condition there picks rows."""
        if isinstance(part, ast.Slice):
            return held if rows or (part.lower is None and part.upper is None) else None
        names = self.named(part)
        if names is None:
            masks = isinstance(part, ast.Compare | ast.BinOp | ast.UnaryOp | ast.BoolOp)
            return held if rows and masks else None
        single = isinstance(part, ast.Constant) or (isinstance(part, ast.Name) and part.id in self._texts)
        return self._picked(held, names, node, one=single)

    def word(self, name: str, value: ast.expr) -> None:
        """`name = value` may be names of columns."""
        self.words.pop(name, None)
        self._texts.discard(name)
        names = self.named(value)
        if names is not None:
            self.words[name] = names
            if isinstance(value, ast.Constant):
                self._texts.add(name)

    def _picked(self, held: Held | None, names: frozenset[str], node: ast.expr, *, one: bool) -> Held | None:
        if held is None or held.one is not None or held.part is not None:
            return None
        here = (self.at, node.lineno)
        if one:
            return replace(held, one=min(names), only=None, without=frozenset(), where=here)
        return replace(held, only=names - held.without, where=here)

    def _by_place(self, held: Held | None, part: ast.expr, node: ast.expr) -> Held | None:
        if held is None or held.one is not None or held.part is not None or held.only is not None or held.without:
            return None
        columns = part.elts[1] if isinstance(part, ast.Tuple) and len(part.elts) == 2 else None
        here = (self.at, node.lineno)
        if columns is None:
            return held
        if isinstance(columns, ast.Slice):
            ends = [(None if end is None else number(end)) for end in (columns.lower, columns.upper)]
            known = all(end is None or isinstance(ends[n], int) for n, end in enumerate((columns.lower, columns.upper)))
            if not known or columns.step is not None:
                return None
            start, stop = (None if end is None else int(end) for end in ends)
            return replace(held, part=(start, stop), where=here)
        place = number(columns)
        return replace(held, one=place, where=here) if isinstance(place, int) else None
