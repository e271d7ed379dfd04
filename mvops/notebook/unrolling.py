"""`for d in (X_train, X_test):` as what it does: the lines of its body once for each, with its name in place of `d`."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from mvops.notebook.inlining import Unfolded
from mvops.notebook.objects import bound_names
from mvops.notebook.walking import statements, targets_of

_MOST = 12  # loops over more are left as they are


@dataclass
class Loops:
    """Gives the statements one after the other; knows which names hold lists of names, cell after cell."""

    lists: dict[str, list[ast.expr]] = field(default_factory=dict)

    def statements(self, body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
        """As `walking.statements`, but for the loops whose variable stands for one name after the other."""
        for statement in body:
            turns = self._turns(statement) if isinstance(statement, ast.For) else None
            if turns is not None and isinstance(statement, ast.For):
                for names in turns:
                    yield from self.statements([_with(names, inner) for inner in statement.body])
                continue
            inside = statements([statement])
            yield next(inside)
            self._bound(statement)
            for part in ("body", "orelse", "finalbody"):
                if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                    yield from self.statements(getattr(statement, part, []))
            for handler in getattr(statement, "handlers", []) + getattr(statement, "cases", []):
                yield from self.statements(handler.body)

    def _bound(self, statement: ast.stmt) -> None:
        """A list whose names are bound anew still holds what they held before: it is forgotten."""
        for target, value in targets_of(statement):
            names = bound_names(target)
            for name, parts in list(self.lists.items()):
                if names & {name, *(bound for part in parts for bound in _names(part))}:
                    del self.lists[name]
            if isinstance(target, ast.Name) and isinstance(value, ast.List | ast.Tuple):
                self.lists[target.id] = value.elts

    def _turns(self, loop: ast.For) -> list[dict[str, ast.expr]] | None:
        """What the loop's variables stand for, turn by turn; None where that is not names, or they are bound inside."""
        match loop.iter:
            case ast.List(elts=parts) | ast.Tuple(elts=parts):
                found = parts
            case ast.Name(id=name) if name in self.lists:
                found = self.lists[name]
            case _:
                return None
        turns = [_stands_for(loop.target, part) for part in found]
        known = [turn for turn in turns if turn is not None]
        meant = {name for turn in known for part in [*turn.values()] for name in _names(part)}
        inside = {name for inner in loop.body for name in bound_names(inner)}
        if len(known) < len(turns) or not meant or len(turns) > _MOST or inside & (meant | bound_names(loop.target)):
            return None
        return known


def _stands_for(target: ast.expr, part: ast.expr) -> dict[str, ast.expr] | None:
    match target, part:
        case ast.Name(id=name), ast.Name() | ast.Constant():
            return {name: part}
        case ast.Tuple(elts=names), ast.Tuple(elts=parts) if len(names) == len(parts):
            found: dict[str, ast.expr] = {}
            for inner, each in zip(names, parts, strict=True):
                stands = _stands_for(inner, each)
                if stands is None:
                    return None
                found |= stands
            return found
    return None


def _names(part: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(part) if isinstance(node, ast.Name)}


def _with(names: dict[str, ast.expr], statement: ast.stmt) -> ast.stmt:
    made = Unfolded(names).visit(copy.deepcopy(statement))
    assert isinstance(made, ast.stmt)
    return made
