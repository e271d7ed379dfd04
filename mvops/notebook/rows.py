"""Which rows a name of a notebook holds: all of a table, those that are trained on, or those that are held back.

Rows are told by tags: ("set", 3) are the rows of some table, ("train", 1) and ("test", 1) the two parts of the split 1.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from mvops.notebook.estimators import Made, last_part, made_by
from mvops.notebook.literals import keyword, number
from mvops.notebook.objects import root
from mvops.notebook.process_state import dotted
from mvops.notebook.walking import loaded_names

Tag: TypeAlias = tuple[str, int]
Tags: TypeAlias = frozenset[Tag]
NONE: Tags = frozenset()

TEST = re.compile(
    r"(?:.*_)?(?:test|testing|holdout|held_?out|oot)(?:_.*|\d*)|[xy]_?te(?:st)?(?:_.*|\d*)|test(?:X|Y|x|y|_?\w*)",
    re.IGNORECASE,
)
VALIDATION = re.compile(r"(?:.*_)?(?:val|valid|validation|dev)(?:_.*|\d*)|[xy]_?val(?:_.*|\d*)", re.IGNORECASE)
TRAIN = re.compile(
    r"(?:.*_)?(?:train|training|trn)(?:_.*|\d*)|[xy]_?tr(?:ain)?(?:_.*|\d*)|train(?:X|Y|x|y)", re.IGNORECASE
)
_ABOUT = {"columns", "shape", "index", "dtypes", "dtype", "size", "name", "ndim"}  # of a table, not its rows
_SUMS_UP = {
    *("mean", "median", "mode", "std", "var", "min", "max", "sum", "count", "nunique", "unique", "value_counts"),
    *("describe", "quantile", "corr", "info", "idxmax", "idxmin", "any", "all", "keys", "get_feature_names_out"),
    *("groupby", "pivot_table", "isnull", "isna", "get_support", "tolist", "get_params"),
}
_JOINS = {
    "concat",
    "concatenate",
    "vstack",
    "hstack",
    "append",
    "column_stack",
    "row_stack",
    "stack",
    "c_",
    "r_",
    "merge",
}
_OF_ARGUMENT = {
    *("transform", "fit_transform", "fit_resample", "fit_sample", "predict", "predict_proba", "decision_function"),
    *("fit_predict", "inverse_transform", "split"),
}
_SUBSETS = {"sample", "query", "drop", "truncate"}
_FEW = 50  # rows: so few, picked by number, are tried out for show


@dataclass
class Tables:
    """What the names hold, statement by statement. `parents` says which rows each split has split."""

    modules: Mapping[str, str]
    made: dict[str, Made] = field(default_factory=dict)
    tags: dict[str, Tags] = field(default_factory=dict)
    parents: dict[int, Tags] = field(default_factory=dict)
    _by_name: dict[Tags, int] = field(default_factory=dict)
    _fresh: Iterator[int] = field(default_factory=itertools.count)

    def new(self) -> Tags:
        """The rows of a table that nothing is known of."""
        return frozenset({("set", next(self._fresh))})

    def within(self, tags: dict[str, Tags]) -> Tables:
        """As a function sees them, which is called with these rows."""
        return replace(self, made=dict(self.made), tags=tags)

    def split(self, parents: Tags) -> int:
        """A new split of these rows."""
        at = next(self._fresh)
        self.parents[at] = parents
        return at

    def same_split(self, parents: Tags) -> int:
        """The split of these rows by hand, made in several lines."""
        return self._by_name.setdefault(parents, self.split(parents))

    def rows(self, node: ast.AST | None) -> Tags:  # noqa: PLR0911 -- one line for each form
        """The rows that an expression has; none for what has no rows of a table, such as a list of columns."""
        match node:
            case ast.Name(id=name):
                return self._of_name(name)
            case ast.Attribute(value=inner, attr=attr):
                return NONE if attr in _ABOUT or attr in _SUMS_UP else self.rows(inner)
            case ast.Subscript(value=inner, slice=part):
                return self._picked(part) or self.rows(inner)
            case ast.Call():
                return self._called(node)
            case ast.BinOp(left=left, right=right):
                return self.rows(left) | self.rows(right)
            case ast.UnaryOp(operand=inner) | ast.Starred(value=inner) | ast.Compare(left=inner):
                return self.rows(inner)
            case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.BoolOp(values=parts):
                return self._any(parts)
            case ast.IfExp(body=one, orelse=other):
                return self.rows(one) | self.rows(other)
        return NONE

    def is_held_out(self, tags: Tags) -> bool:
        """Only rows that a split holds back."""
        return bool(tags) and all(kind == "test" for kind, _ in tags)

    def assigned(self, names: Sequence[str], value: ast.expr, *, single: bool) -> tuple[int, ...]:
        """`names` take the rows of `value`; the splits that this is. `single`: one name stands for all of it."""
        if isinstance(value, ast.Call) and last_part(value.func) == "train_test_split" and len(names) % 2 == 0:
            return self._split_in_two(names, value)
        sorts = [_sort(name) for name in names]
        source = self.rows(value)
        plain = {tag for tag in source if tag[0] == "set"}
        if not single and {"train", "test"} <= set(sorts) and len(source) == len(plain):
            at = self.split(source)
            for name, sort in zip(names, sorts, strict=True):
                self.tags[name] = frozenset({(sort, at)}) if sort else self.new()
            return (at,)
        if single and sorts[0] and plain and len(plain) == len(source) and self._is_subset(value):
            at = self.same_split(source)
            self.tags[names[0]] = frozenset({(sorts[0], at)})
            return (at,)
        for name in names:
            self.tags[name] = source or self.new()
        return ()

    def _split_in_two(self, names: Sequence[str], value: ast.Call) -> tuple[int, ...]:
        if names[0].strip("_") == "" or names[1].strip("_") == "":  # a way to draw a sample
            for name in names:
                self.tags[name] = self.new()
            return ()
        at = self.split(self._any(value.args))
        for nth, name in enumerate(names):
            self.tags[name] = frozenset({("test" if nth % 2 else "train", at)})
        return (at,)

    def _of_name(self, name: str) -> Tags:
        if name in self.made or name in self.modules:
            return NONE
        if name not in self.tags:
            self.tags[name] = self.new()
        return self.tags[name]

    def _picked(self, part: ast.expr) -> Tags:
        """The rows that an index such as `train_index` picks."""
        first = part.elts[0] if isinstance(part, ast.Tuple) and part.elts else part
        known = [self.tags[name] for name in loaded_names(first) if name in self.tags]
        return frozenset(tag for tags in known for tag in tags if tag[0] != "set") if len(known) == 1 else NONE

    def _is_subset(self, value: ast.expr) -> bool:
        """Does this pick rows out of a table; not a few by number, which are for show."""
        match value:
            case ast.Subscript(value=inner, slice=part):
                first = part.elts[0] if isinstance(part, ast.Tuple) and part.elts else part
                if isinstance(first, ast.Slice):
                    few = 0 < (number(first.upper) or 0) - (number(first.lower) or 0) < _FEW
                    return not few and not (first.lower is None and first.upper is None)
                if isinstance(first, ast.Name):  # a mask, or a list of columns
                    return bool(self.tags.get(first.id, NONE) & self.rows(inner))
                return isinstance(first, ast.Compare | ast.BinOp | ast.UnaryOp | ast.Call)
            case ast.Call(func=ast.Attribute(attr=attr), keywords=keywords) if attr in _SUBSETS:
                return not any(k.arg in {"axis", "columns"} for k in keywords)
            case ast.Call(func=ast.Attribute(value=inner)) | ast.Attribute(value=inner):
                return self._is_subset(inner)
        return False

    def _any(self, parts: Iterable[ast.expr]) -> Tags:
        return frozenset(tag for part in parts for tag in self.rows(part))

    def _called(self, call: ast.Call) -> Tags:
        name = last_part(call.func) or (call.func.attr if isinstance(call.func, ast.Attribute) else "")
        if name not in _OF_ARGUMENT and made_by(call, self.made) is not None:
            return NONE
        first = call.args[0] if call.args else keyword(call, "X") or keyword(call, "data")
        if name in _SUMS_UP:
            return NONE
        function = isinstance(call.func, ast.Name) or root(call.func) in self.modules
        if name in _JOINS:
            own = NONE if function or not isinstance(call.func, ast.Attribute) else self.rows(call.func.value)
            return own | self._any(call.args)
        if function or name in _OF_ARGUMENT:
            return self.rows(first)
        return self.rows(call.func.value) if isinstance(call.func, ast.Attribute) else NONE


def _sort(name: str) -> str:
    if TEST.fullmatch(name) or VALIDATION.fullmatch(name):
        return "test"
    return "train" if TRAIN.fullmatch(name) else ""


def told(node: ast.AST) -> str:
    """A short way to write an expression."""
    text = dotted(node) or " ".join(ast.unparse(node).split())
    return text if len(text) <= 40 else f"{text[:37]}..."


def one_column(node: ast.expr) -> str | None:  # noqa: PLR0911 -- one line for each form
    """The column of `df["a"]`, `df.a` or `df[["a"]]`."""
    match node:
        case ast.Subscript(slice=ast.Constant(value=str(name))):
            return name
        case ast.Subscript(slice=ast.List(elts=[ast.Constant(value=str(name))])):
            return name
        case ast.Attribute(value=ast.Name(), attr=name) if name not in {"values", "T", "data", "target"}:
            return name
        case ast.Call(func=ast.Attribute(attr="pop"), args=[ast.Constant(value=str(name))]):
            return name
        case ast.Attribute(value=inner, attr="values"):
            return one_column(inner)
        case ast.Call(func=ast.Attribute(value=inner, attr="copy" | "ravel" | "to_numpy" | "astype" | "reshape")):
            return one_column(inner)
    return None
