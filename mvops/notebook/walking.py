"""Walking over code as it runs: the statements outside functions, and the calls in them, in order."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

_INNER = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Every statement outside functions and classes, also those in loops and branches; a compound one comes first."""
    for statement in body:
        yield statement
        if isinstance(statement, _INNER):
            continue
        for part in ("body", "orelse", "finalbody"):
            yield from statements(getattr(statement, part, []))
        for handler in getattr(statement, "handlers", []) + getattr(statement, "cases", []):
            yield from statements(handler.body)


def own_parts(statement: ast.stmt) -> list[ast.AST]:
    """The expressions of a statement without the statements in it."""
    inner = (ast.stmt, ast.ExceptHandler, ast.match_case)
    return [child for child in ast.iter_child_nodes(statement) if not isinstance(child, inner)]


def nodes(root: ast.AST) -> Iterator[ast.AST]:
    """`root` and everything below it that runs with it: functions and lambdas are left out."""
    yield root
    if not isinstance(root, _INNER):
        for child in ast.iter_child_nodes(root):
            yield from nodes(child)


def calls(root: ast.AST) -> list[ast.Call]:
    """The calls under `root` that run with it, inner ones first, as they are evaluated."""
    found = [node for node in nodes(root) if isinstance(node, ast.Call)]
    return sorted(found, key=lambda call: (call.end_lineno or 0, call.end_col_offset or 0))


def calls_of(statement: ast.stmt) -> list[ast.Call]:
    """The calls of one statement without those of the statements in it."""
    return [call for part in own_parts(statement) for call in calls(part)]


def in_texts(root: ast.AST) -> set[int]:
    """The ids of nodes inside f-strings: Python before 3.12 does not say where they stand."""
    texts = (node for node in ast.walk(root) if isinstance(node, ast.JoinedStr))
    return {id(node) for text in texts for node in ast.walk(text)}


def targets_of(statement: ast.stmt) -> list[tuple[ast.expr, ast.expr]]:
    """(target, value) pairs of an assignment; a loop's variable counts as assigned from what the loop runs over."""
    match statement:
        case ast.Assign(targets=targets, value=value):
            return [pair for target in targets for pair in _paired(target, value)]
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            return [(target, value)]
        case ast.For(target=target, iter=value) | ast.AsyncFor(target=target, iter=value):
            return [(target, value)]
        case ast.With(items=items) | ast.AsyncWith(items=items):
            return [(item.optional_vars, item.context_expr) for item in items if item.optional_vars is not None]
    return []


def _paired(target: ast.expr, value: ast.expr) -> list[tuple[ast.expr, ast.expr]]:
    match target, value:
        case ((ast.Tuple(elts=one) | ast.List(elts=one)), (ast.Tuple(elts=other) | ast.List(elts=other))):
            return list(zip(one, other, strict=True)) if len(one) == len(other) else [(target, value)]
    return [(target, value)]


def stored_names(target: ast.AST) -> list[str]:
    """The names that a target binds, in order."""
    return [n.id for n in nodes(target) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]


def loaded_names(root: ast.AST) -> set[str]:
    """All names read under `root`, those in functions and lambdas too."""
    return {n.id for n in ast.walk(root) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
