"""Calls of the notebook's own functions, as if their bodies stood where they are called."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Sequence
from typing import TypeAlias

from mvops.notebook.code import Code
from mvops.notebook.walking import nodes

Function: TypeAlias = ast.FunctionDef
_MODELS = re.compile(
    r"fit\w*|predict\w*|decision_function|score|evaluate|transform|\w+_score|\w+_error|\w+_loss|\w+SearchCV"
)
_TOO_LONG = 200  # nodes: longer expressions are not worth a line of their own
_LOCAL = "@"  # no name of Python's holds it, so a function's local names meet no others


def functions_of(cells: Sequence[Code]) -> dict[str, Function]:
    """The functions worth following: defined at top level, and concerned with models; of one name, the last."""
    found = (statement for code in cells for statement in code.statements())
    functions = {statement.name: statement for statement in found if isinstance(statement, ast.FunctionDef)}
    words = {name: _words(function) for name, function in functions.items()}
    kept = {name for name in functions if any(_MODELS.fullmatch(word) for word in words[name])}
    while more := {name for name in functions if words[name] & kept} - kept:
        kept |= more
    return {name: function for name, function in functions.items() if name in kept}


def _words(function: Function) -> set[str]:
    found = (getattr(node, "attr", getattr(node, "id", None)) for node in ast.walk(function))
    return {word for word in found if isinstance(word, str)}


def is_local(name: str) -> bool:
    """Was this name made for a function's own variable, so that no other code can read it?"""
    return _LOCAL in name


def inlined(call: ast.Call, function: Function, targets: Sequence[ast.expr]) -> list[ast.stmt]:
    """The function's body with arguments in place of parameters, and `targets` in place of what it returns."""
    names: dict[str, ast.expr] = dict(_arguments(call, function))
    names |= {name: value for name, value in _returned(function, targets).items() if name not in names}
    rename = _Renamed(names, _locals(function), function.name)
    body = [rename.visit(copy.deepcopy(statement)) for statement in function.body]
    body = [_handed_back(statement, targets) for statement in body]
    for statement in body:
        for node in ast.walk(statement):  # the place is that of the call
            if hasattr(node, "lineno"):
                ast.copy_location(node, call)
    return body


def _handed_back(statement: ast.stmt, targets: Sequence[ast.expr]) -> ast.stmt:
    """`return X` as the assignment that it amounts to."""
    match statement:
        case ast.Return(value=ast.expr() as value) if len(targets) == 1 and not isinstance(value, ast.Name | ast.Tuple):
            return ast.copy_location(ast.Assign([copy.deepcopy(targets[0])], value), statement)
    return statement


def _arguments(call: ast.Call, function: Function) -> list[tuple[str, ast.expr]]:
    parameters = [a.arg for a in [*function.args.posonlyargs, *function.args.args]]
    given = list(zip(parameters, call.args, strict=False))
    return given + [(k.arg, k.value) for k in call.keywords if k.arg is not None]


def _returned(function: Function, targets: Sequence[ast.expr]) -> dict[str, ast.expr]:
    found: dict[str, ast.expr] = {}
    for node in (node for statement in function.body for node in nodes(statement)):
        if not isinstance(node, ast.Return) or len(targets) != 1:
            continue
        match targets[0], node.value:
            case ast.Name() as target, ast.Name(id=name):
                found[name] = target
            case ast.Name() as target, ast.Attribute(value=ast.Name(id=name), attr="best_estimator_"):
                found[name] = target
            case ((ast.Tuple(elts=names) | ast.List(elts=names)), ast.Tuple(elts=values)) if len(names) == len(values):
                found.update({v.id: n for n, v in zip(names, values, strict=True) if isinstance(v, ast.Name)})
    return found


def _locals(function: Function) -> set[str]:
    bound = {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return bound | {a.arg for a in ast.walk(function) if isinstance(a, ast.arg)}


def unfolded(expression: ast.expr, local: dict[str, ast.expr]) -> ast.expr:
    """The expression with a function's own variables replaced by what they are made from."""
    if not any(isinstance(node, ast.Name) and node.id in local for node in ast.walk(expression)):
        return expression
    if sum(_size(local.get(node.id)) for node in ast.walk(expression) if isinstance(node, ast.Name)) > _TOO_LONG:
        return expression
    made = Unfolded(local).visit(copy.deepcopy(expression))
    assert isinstance(made, ast.expr)
    return made


def _size(expression: ast.expr | None) -> int:
    return sum(1 for _ in ast.walk(expression)) if expression is not None else 1


def by_original_names(cells: Sequence[Code]) -> list[ast.Module]:
    """The cells' trees with `from x import a as b` undone: b is called a again, for recognising what libraries make."""
    names: dict[str, ast.expr] = {}
    for node in (node for code in cells for node in ast.walk(code.cell.tree)):
        if isinstance(node, ast.ImportFrom):
            names |= {a.asname: ast.Name(a.name, ast.Load()) for a in node.names if a.asname and a.asname != a.name}
    if not names:
        return [code.cell.tree for code in cells]
    return [Unfolded(names).visit(copy.deepcopy(code.cell.tree)) for code in cells]


class Unfolded(ast.NodeTransformer):
    """Puts values in place of the names that are read."""

    def __init__(self, values: dict[str, ast.expr]) -> None:
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        value = self.values.get(node.id) if isinstance(node.ctx, ast.Load) else None
        if isinstance(value, ast.Name):
            return ast.copy_location(ast.Name(value.id, node.ctx), node)
        return copy.deepcopy(value) if value is not None else node


class _Renamed(ast.NodeTransformer):
    def __init__(self, names: dict[str, ast.expr], local: set[str], function: str) -> None:
        self.names, self.local, self.function = names, local, function

    def visit_Name(self, node: ast.Name) -> ast.expr:
        given = self.names.get(node.id)
        if isinstance(node.ctx, ast.Load) and given is not None:
            made = copy.deepcopy(given)
            if isinstance(made, ast.Name):
                made.ctx = ast.Load()
            return made
        if isinstance(given, ast.Name):
            return ast.copy_location(ast.Name(given.id, node.ctx), node)
        if node.id in self.local:
            return ast.copy_location(ast.Name(f"{node.id}{_LOCAL}{self.function}", node.ctx), node)
        return node
