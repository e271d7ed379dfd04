"""Rows as they were before a notebook prepared all of them, where what it did to them can be done to any.

Found are the statements that make the features which `train_test_split` parts, back to the first place at which one
table, and nothing else that holds rows, goes into them. `Replay` writes them again as a step of the model, and the
promoted notebook proves, each time it runs, that the step makes the notebook's own features.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from mvops.notebook.code import Code, modules_of, stored_counts
from mvops.notebook.composed import Raw
from mvops.notebook.estimators import last_part
from mvops.notebook.flow import CellFlow
from mvops.notebook.literals import keyword
from mvops.notebook.replay import Replay
from mvops.notebook.replay_values import UnsureError
from mvops.notebook.scopes import Scope
from mvops.notebook.walking import calls, loaded_names, stored_names, targets_of

_READS = re.compile(r"read_\w+|load_\w+|fetch_\w+|open")
_MAKES = re.compile(r"make_\w+|DataFrame")
_RANDOM = re.compile(r"random|rng|shuffle|sampl|\bchoice\b")
_ARRAYS = {"to_numpy", "transform", "fit_transform", "toarray", "array", "asarray"}


@dataclass(frozen=True)
class Prepared:
    """What is done to `table` as it is at the end of the cell at position `after`, or within it before that `line`.

    `body` is the code in its new form; `statements` are those that it stands for, with the positions of their cells.
    `split` parts rows as the notebook does; it is None where their index tells which they are.
    """

    table: str
    after: int
    line: int | None
    body: tuple[str, ...]
    statements: tuple[tuple[int, str], ...]
    split: ast.Call | None = None


@dataclass(frozen=True)
class _Statement:
    cell: int
    node: ast.stmt
    binds: frozenset[str]
    writes: frozenset[str]  # what it binds or changes
    loads: frozenset[str]


def prepared(
    cells: Sequence[Code], flows: Sequence[CellFlow], parts: tuple[Raw, Raw], fresh: Callable[[str], str]
) -> Prepared | None:
    """What makes the rows that the model is judged on and those that it is fitted on, if any rows can be made so."""
    history = list(_statements(cells))
    names = {part.name for part in parts}
    at, call = next(
        ((n, call) for n, each in reversed([*enumerate(history)]) if (call := _split(each, parts))), (0, None)
    )
    last = max(part.at for part in parts)
    if call is None or any(each.writes & names for each in history[at + 1 :] if each.cell <= last):
        return None
    making = _Making(cells, flows, history[:at], call.args[0])
    found = next((one for start in range(len(making.chain)) if (one := making.beginning(start, fresh))), None)
    if found is None or not making.is_array(call.args[0]):
        return found
    return replace(found, split=call) if _is_seeded(call) else None


class _Making:
    """How the expression `result` is made by the statements of `history` before it."""

    def __init__(
        self, cells: Sequence[Code], flows: Sequence[CellFlow], history: Sequence[_Statement], result: ast.expr
    ) -> None:
        self._flows, self._history, self._result = flows, history, result
        self._stored = stored_counts(cells)
        self._modules = modules_of(cells)
        definitions = (node for code in cells for node in code.cell.tree.body)
        self._functions = {node.name: node for node in definitions if isinstance(node, ast.FunctionDef)}
        self._rows = _rows(history)
        self.chain = list(self._backwards())

    def _backwards(self) -> Sequence[_Statement]:
        """The statements that the result depends on, as they run; what only holds settings is none of them."""
        needed = set(loaded_names(self._result))
        found: list[_Statement] = []
        for each in reversed(self._history):
            touched = each.writes & needed
            if touched and (each.loads & self._rows or touched & self._rows):
                found.insert(0, each)
                needed |= each.loads
                if isinstance(each.node, ast.Assign | ast.AnnAssign):
                    needed -= each.binds - each.loads
        return found

    def beginning(self, start: int, fresh: Callable[[str], str]) -> Prepared | None:
        """The statements from this one of the chain on, where they begin with one table that can be kept."""
        part = self.chain[start:]
        tables, others = self._before(part)
        if len(tables) != 1 or not all(self._is_settled(name) for name in others):
            return None
        table = tables.pop()
        written = [each for each in self._history[: self._history.index(part[0])] if table in each.writes]
        if not written or not self._is_told(part) or any(self._is_other(each.node) for each in part):
            return None
        within = written[-1].cell == part[0].cell
        if within and written[-1].node.end_lineno == part[0].node.lineno:
            return None
        wanted = frozenset[str]().union(*(each.loads for each in part)) | loaded_names(self._result)
        replay = Replay(table, wanted, fresh)
        try:
            body = replay.body([each.node for each in part])
            result = replay.result(self._result)
        except UnsureError:
            return None
        if not replay.prepares:
            return None
        lines = [line for node in body for line in ast.unparse(ast.fix_missing_locations(node)).split("\n")]
        statements = [(each.cell, ast.unparse(each.node)) for each in part]
        statements.append((part[-1].cell, ast.unparse(self._result)))
        after, line = (part[0].cell, part[0].node.lineno) if within else (part[0].cell - 1, None)
        return Prepared(table, after, line, (*lines, f"return {ast.unparse(result)}"), tuple(statements))

    def _before(self, part: Sequence[_Statement]) -> tuple[set[str], set[str]]:
        """The tables that the statements begin with, and what else they use and do not bind."""
        bound: set[str] = set()
        loaded: set[str] = set()
        for each in part:
            loaded |= each.loads - bound
            bound |= each.binds
        loaded |= loaded_names(self._result) - bound
        return loaded & self._rows, loaded - self._rows

    def _is_settled(self, name: str) -> bool:
        """Is the name the same thing wherever the notebook uses it."""
        return self._stored[name] <= 1 or name in self._modules

    def _is_told(self, part: Sequence[_Statement]) -> bool:
        """Does the code of each cell itself say what is changed in it, and no function that it calls."""
        used = {name for each in part for name in each.loads | each.binds} & self._rows
        for cell in {each.cell for each in part}:
            said = {name for each in self._history if each.cell == cell for name in each.writes}
            there = {name for each in self._history if each.cell <= cell for name in each.binds}
            if self._flows[cell].mutates & used & there - said:
                return False
        return True

    def _is_other(self, node: ast.stmt) -> bool:
        """Does it, or a function of the notebook's own that it calls, draw random numbers or read a file."""
        used = [node, *(self._functions[name] for name in loaded_names(node) if name in self._functions)]
        called = [call.func for each in used for call in ast.walk(each) if isinstance(call, ast.Call)]
        reads = any(_READS.fullmatch(last_part(function)) for function in called)
        return reads or any(_RANDOM.search(ast.unparse(each)) for each in used)

    def is_array(self, expression: ast.expr, before: int | None = None) -> bool:
        """Are the rows without an index, as they are before the statement at position `before` of the chain."""
        match expression:
            case ast.Attribute(attr=attr):
                return attr == "values"
            case ast.Call(func=ast.Attribute(attr=name)):
                return name in _ARRAYS
            case ast.Name(id=name):
                values = (
                    (at, value)
                    for at, each in reversed([*enumerate(self.chain[:before])])
                    for target, value in targets_of(each.node)
                    if _is_name(target, name)
                )
                at, value = next(values, (0, None))
                return value is not None and self.is_array(value, at)
            case ast.Subscript(value=inner):
                return self.is_array(inner, before)
        return False


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _statements(cells: Sequence[Code]) -> Iterator[_Statement]:
    """The statements at top level; imports and definitions hold no rows."""
    for at, code in enumerate(cells):
        for node in code.cell.tree.body:
            if not isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef):
                scope = Scope()
                scope.visit_all([node])
                binds = frozenset(scope.binds)
                writes = frozenset(scope.binds | scope.mutates | scope.deletes)
                yield _Statement(at, node, binds, writes, frozenset(scope.reads | scope.late_reads()))


def _split(statement: _Statement, parts: tuple[Raw, Raw]) -> ast.Call | None:
    """The call, if the statement parts rows into these: the held-out ones, and those of the training."""
    match statement.node:
        case ast.Assign(targets=[target], value=ast.Call() as call) if last_part(call.func) == "train_test_split":
            names = stored_names(target)
            held_out, train = parts
            is_first = names[:2] == [train.name, held_out.name] and len(names) == 2 * len(call.args)
            return call if is_first else None
    return None


def _rows(history: Sequence[_Statement]) -> set[str]:
    """The names that hold rows, or anything made of them."""
    found: set[str] = set()
    for each in history:
        called = [last_part(call.func) for call in calls(each.node)]
        if any(_READS.fullmatch(name) or _MAKES.fullmatch(name) for name in called) or each.loads & found:
            loops = {
                name for node in ast.walk(each.node) if isinstance(node, ast.For) for name in stored_names(node.target)
            }
            found |= each.binds - loops
    return found


def _is_seeded(call: ast.Call) -> bool:
    seed, shuffle = keyword(call, "random_state"), keyword(call, "shuffle")
    unshuffled = isinstance(shuffle, ast.Constant) and shuffle.value is False
    return unshuffled or (seed is not None and not (isinstance(seed, ast.Constant) and seed.value is None))
