"""Which columns of a table a name of a notebook holds, as far as the code says it in so many words."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from mvops.notebook.column_choice import Choices
from mvops.notebook.estimators import last_part
from mvops.notebook.held_columns import Held
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


@dataclass
class Columns(Choices):
    """What the names hold, statement by statement. A name that is not there may hold anything."""

    modules: Mapping[str, str] = field(default_factory=dict)
    at: int = 0
    held: dict[str, Held] = field(default_factory=dict)
    made: dict[int, dict[str, frozenset[str]]] = field(default_factory=dict)  # table -> column -> made of these
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
                return self.by_place(self.of(inner), part, node)
            case ast.Subscript(value=ast.Attribute(value=inner, attr="loc"), slice=part):
                columns = part.elts[1] if isinstance(part, ast.Tuple) and len(part.elts) == 2 else None
                return self.of(inner) if columns is None else self._by_name(self.of(inner), columns, node, rows=False)
            case ast.Subscript(value=inner, slice=part):
                return self._by_name(self.of(inner), part, node)
            case ast.Call():
                return self._called(node)
        return None

    def added(self, owner: str, names: frozenset[str], read: frozenset[str]) -> None:
        """`owner` has these columns anew, made of those that are `read`: what was taken of its table before has not."""
        held = self.held[owner]
        only = held.only | names if held.only is not None else None
        now = replace(held, only=only, without=held.without - names)
        for name, other in [*self.held.items(), *self.chosen.items()]:
            if other.base != held.base or other.one is not None:
                continue
            kept = self.held if self.held.get(name) is other else self.chosen
            gone = names if other.numbers else names - read
            kept[name] = now if other is held and kept is self.held else replace(other, without=other.without | gone)

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
        if name == "select_dtypes":
            return self.of_numbers(call, held, self.at)
        if name == "filter" and (items := keyword(call, "items") or (call.args[0] if call.args else None)) is not None:
            return self._by_name(held, items, call)
        if held is not None and held.one is not None and name not in {"value_counts", "unique", "nunique"}:
            if name in {"map", "apply", "astype", "replace"}:
                return replace(held, plain=False)
            return held if name in _KEEPS | {"ravel", "reshape", "to_frame", "str", "squeeze"} else None
        return held if name in _KEEPS else None

    def _by_name(self, held: Held | None, part: ast.AST, node: ast.expr, *, rows: bool = True) -> Held | None:
        """`held[part]`; with `rows`, a slice or a condition there picks rows."""
        if isinstance(part, ast.Slice):
            return held if rows or (part.lower is None and part.upper is None) else None
        names = self.named(part)
        choice = self.choice(part) or (None if rows else self.mask(part))
        if names is None and choice is not None:
            return self.picked_of(held, choice, node, self.at)
        if names is None:
            masks = isinstance(part, ast.Compare | ast.BinOp | ast.UnaryOp | ast.BoolOp)
            return held if rows and masks else None
        return self._picked(held, names, node, one=self._text(part))

    def _picked(self, held: Held | None, names: frozenset[str], node: ast.expr, *, one: bool) -> Held | None:
        if held is None or held.one is not None or held.part is not None:
            return None
        here = (self.at, node.lineno)
        if one:
            return replace(held, one=min(names), only=None, without=frozenset(), where=here)
        return replace(held, only=names - held.without, numbers=False, where=here)

    def by_place(self, held: Held | None, part: ast.expr, node: ast.expr) -> Held | None:
        """`held.iloc[part]`."""
        if held is None or not held.whole:
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
