"""Columns that are picked by their names: `[c for c in df.columns if c != "y"]`, `df.columns.drop("id")`."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace

from mvops.notebook.held_columns import Held
from mvops.notebook.literals import keyword

_TAKES = {"remove", "discard", "difference_update"}
_GIVES = {"append", "extend", "add", "update", "insert"}
CHANGES = _TAKES | _GIVES | {"pop", "clear", "sort", "reverse", "intersection_update", "symmetric_difference_update"}
_NUMBERS = ({"number"}, {"int64", "float64"}, {"int", "float"})
_NO_NUMBERS = {"object", "O", "category", "string", "datetime", "datetime64"}


@dataclass
class Choices(ABC):
    """Knows which names hold names of columns, and of which table these are."""

    words: dict[str, frozenset[str]] = field(default_factory=dict)  # names that hold names of columns
    chosen: dict[str, Held] = field(default_factory=dict)  # names that hold the names of these columns of a table
    _texts: set[str] = field(default_factory=set)  # of `words`, those that hold one name and no list

    @abstractmethod
    def of(self, node: ast.AST | None) -> Held | None:
        """What an expression holds; None where that cannot be told."""

    @abstractmethod
    def by_place(self, held: Held | None, part: ast.expr, node: ast.expr) -> Held | None:
        """`held.iloc[part]`."""

    def named(self, node: ast.AST | None) -> frozenset[str] | None:
        """The names of columns that an expression stands for."""
        match node:
            case ast.Constant(value=str(name)):
                return frozenset({name})
            case ast.Call(func=ast.Name(id="list" | "set" | "tuple" | "sorted"), args=[inner]) if not self._text(inner):
                return self.named(inner)
            case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
                found = [self.named(part) for part in parts]
                return None if None in found else frozenset(name for names in found for name in names or ())
            case ast.Name(id=name):
                return self.words.get(name)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                one, other = self.named(left), self.named(right)
                return None if one is None or other is None else one | other
        return None

    def word(self, name: str, value: ast.expr) -> None:
        """`name = value` may be names of columns."""
        names, choice = self.named(value), self.choice(value)
        text = self._text(value)
        self.forget(name)
        if names is not None:
            self.words[name] = names
            if text:
                self._texts.add(name)
        elif choice is not None:
            self.chosen[name] = choice

    def forget(self, name: str) -> None:
        """It may hold anything now."""
        self.words.pop(name, None)
        self.chosen.pop(name, None)
        self._texts.discard(name)

    def knows(self, name: str) -> bool:
        """Does it hold names of columns?"""
        return name in self.words or name in self.chosen

    def changed(self, name: str, method: str, call: ast.Call) -> None:
        """`features.remove("y")`: the list itself, under whatever names it goes."""
        meant, chosen = self.words.get(name), self.chosen.get(name)
        names = self.named(call.args[-1]) if call.args else None
        for other in [*self.words, *self.chosen]:
            if self.words.get(other, name) is meant or self.chosen.get(other, name) is chosen:
                self.forget(other)
        if names is None or method not in _TAKES | _GIVES:
            return
        takes = method in _TAKES
        if meant is not None:
            self.words[name] = meant - names if takes else meant | names
        if chosen is not None and (takes or chosen.only is None):
            self.chosen[name] = replace(chosen, without=chosen.without | names if takes else chosen.without - names)

    def choice(self, node: ast.AST | None) -> Held | None:  # noqa: PLR0911 -- one line for each form
        """The columns whose names an expression stands for."""
        match node:
            case ast.Name(id=name):
                return self.chosen.get(name)
            case ast.Attribute(value=inner, attr="columns"):
                return self._all(inner)
            case ast.Attribute(value=inner, attr="values"):
                return self.choice(inner)
            case ast.Call(func=ast.Name(id="list" | "set" | "tuple" | "sorted"), args=[inner]):
                return self.choice(inner) or self._all(inner)
            case ast.Call(func=ast.Attribute(value=inner, attr=method), args=given):
                return self._by_method(inner, method, given)
            case ast.BinOp(left=left, op=ast.Sub(), right=right):
                return _minus(self.choice(left), self.named(right))
            case ast.Subscript(value=inner, slice=part):
                whole = self.choice(inner)
                return self.mask(part) or (
                    self.by_place(whole, ast.Tuple([ast.Slice(), part]), node) if whole else None
                )
            case ast.ListComp(elt=ast.Name(id=one)) | ast.SetComp(elt=ast.Name(id=one)):
                return self._comprehended(one, node.generators)
        return None

    def _by_method(self, owner: ast.expr, method: str, given: list[ast.expr]) -> Held | None:
        match method, given:
            case "tolist" | "to_list" | "copy", []:
                return self.choice(owner)
            case "keys", []:
                return self._all(owner)
            case "drop" | "difference", [names]:
                return _minus(self.choice(owner), self.named(names))
        return None

    def mask(self, node: ast.AST) -> Held | None:
        """The columns that `df.loc[:, df.columns != "y"]` takes."""
        match node:
            case ast.Compare(left=left, ops=[ast.NotEq()], comparators=[name]) if self._text(name):
                return _minus(self.choice(left), self.named(name))
            case ast.UnaryOp(ast.Invert(), ast.Call(func=ast.Attribute(value=inner, attr="isin"), args=[names])):
                return _minus(self.choice(inner), self.named(names))
        return None

    def picked_of(self, held: Held | None, choice: Held, node: ast.expr, at: int) -> Held | None:
        """`held[names]`, with the names of the columns of `choice`."""
        if held is None or held.base != choice.base or held.one is not None or held.part is not None:
            return None
        where = (at, node.lineno)
        if choice.part is not None or choice.one is not None:
            return replace(choice, where=where) if held.whole else None
        only = held.only if choice.only is None else choice.only
        without, numbers = held.without | choice.without, held.numbers or choice.numbers
        return replace(held, only=only, without=without, numbers=numbers, where=where)

    def of_numbers(self, call: ast.Call, held: Held | None, at: int) -> Held | None:
        """`held.select_dtypes("number")`; None where that need not be the columns of numbers."""
        given = [*call.args, None, None]
        include, exclude = keyword(call, "include") or given[0], keyword(call, "exclude") or given[1]
        if held is None or held.one is not None or (include is None) == (exclude is None):
            return None
        kept, dropped = _types(include), _types(exclude)
        numbers = (
            any(of <= kept for of in _NUMBERS) if include is not None else bool(dropped) and dropped <= _NO_NUMBERS
        )
        return replace(held, numbers=True, where=(at, call.lineno)) if numbers else None

    def _comprehended(self, one: str, generators: list[ast.comprehension]) -> Held | None:
        match generators:
            case [ast.comprehension(target=ast.Name(id=name), iter=source, ifs=conditions)] if name == one:
                found = self.choice(source) or self._all(source)
                for condition in conditions:
                    found = _minus(found, self._refused(condition, one))
                return found
        return None

    def _refused(self, condition: ast.expr, one: str) -> frozenset[str] | None:
        """The names for which alone `condition` is false; None where that cannot be told."""
        match condition:
            case ast.Compare(left=ast.Name(id=name), ops=[ast.NotEq()], comparators=[other]) if name == one:
                return self.named(other) if self._text(other) else None
            case ast.Compare(left=ast.Name(id=name), ops=[ast.NotIn()], comparators=[others]) if name == one:
                return self.named(others) if not self._text(others) else None
            case ast.UnaryOp(ast.Not(), ast.Compare(left=left, ops=[ast.In() | ast.Eq() as op], comparators=others)):
                opposite = ast.NotIn() if isinstance(op, ast.In) else ast.NotEq()
                return self._refused(ast.Compare(left, [opposite], others), one)
            case ast.BoolOp(op=ast.And(), values=parts):
                found = [self._refused(part, one) for part in parts]
                return None if None in found else frozenset(name for names in found for name in names or ())
        return None

    def _all(self, node: ast.AST) -> Held | None:
        held = self.of(node)
        return held if held is not None and held.one is None else None

    def _text(self, node: ast.AST) -> bool:
        """One name, no list of them."""
        return isinstance(node, ast.Constant) or (isinstance(node, ast.Name) and node.id in self._texts)


def _minus(held: Held | None, names: frozenset[str] | None) -> Held | None:
    if held is None or names is None or held.part is not None:
        return None
    return replace(held, without=held.without | names)


def _types(node: ast.expr | None) -> set[str]:
    parts = node.elts if isinstance(node, ast.List | ast.Tuple) else [node]
    words = (getattr(part, "value", None) if isinstance(part, ast.Constant) else part for part in parts)
    return {str(getattr(word, "attr", getattr(word, "id", word))) for word in words if word is not None}
