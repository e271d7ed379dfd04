"""Calls of the notebook's own functions, as if their bodies stood where they are called."""

from __future__ import annotations

import ast
import copy
from collections.abc import Sequence
from typing import TypeAlias

from mvops.notebook.code import Code
from mvops.notebook.walking import nodes

Function: TypeAlias = ast.FunctionDef
_LOCAL = "@"  # no name of Python's holds it, so a function's local names meet no others


def functions_of(cells: Sequence[Code]) -> dict[str, Function]:
    """The functions that the notebook defines at top level; of several with one name, the last."""
    found = (statement for code in cells for statement in code.statements())
    return {statement.name: statement for statement in found if isinstance(statement, ast.FunctionDef)}


def is_local(name: str) -> bool:
    """Was this name made for a function's own variable, so that no other code can read it?"""
    return _LOCAL in name


def inlined(call: ast.Call, function: Function, targets: Sequence[ast.expr]) -> list[ast.stmt]:
    """The function's body with arguments in place of parameters, and `targets` in place of what it returns."""
    names: dict[str, ast.expr] = dict(_arguments(call, function))
    names |= {name: value for name, value in _returned(function, targets).items() if name not in names}
    body = [_Renamed(names, _locals(function), function.name).visit(copy.deepcopy(s)) for s in function.body]
    for statement in body:
        for node in ast.walk(statement):  # the place is that of the call
            if hasattr(node, "lineno"):
                ast.copy_location(node, call)
    return body


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
            case ((ast.Tuple(elts=names) | ast.List(elts=names)), ast.Tuple(elts=values)) if len(names) == len(values):
                found.update({v.id: n for n, v in zip(names, values, strict=True) if isinstance(v, ast.Name)})
    return found


def _locals(function: Function) -> set[str]:
    bound = {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return bound | {a.arg for a in ast.walk(function) if isinstance(a, ast.arg)}


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
