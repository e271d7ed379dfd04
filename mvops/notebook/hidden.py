"""Names that a notebook uses before anything gives them a value: it ran only because of cells since changed or lost."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mvops.notebook.code import Code
from mvops.notebook.walking import stored_names

_GIVEN = frozenset(dir(builtins)) | {
    *("get_ipython", "display", "In", "Out", "exit", "quit", "__file__", "__doc__", "__builtin__", "__builtins__"),
}
_HISTORY = re.compile(r"_+|_i*\d*|__annotations__")
_QUIET_MAGICS = re.compile(
    r"%{0,2}(?:matplotlib|time|timeit|load_ext|reload_ext|autoreload|config|capture|prun|memit|mprun|lprun|bash|sh|html"
    r"|HTML|javascript|js|latex|markdown|svg|writefile|script|cd|pwd|ls|ll|env|set_env|pip|conda|precision|who|whos"
    r"|mvops|watermark|precision|warning|notebook|pinfo\w*|mkdir|rm|cp|mv|cat|head|colors|xmode|pdb|history|doctest_mode)\b"
)
_UNSEEN = {"exec", "globals", "locals", "vars", "execfile", "eval", "get_ipython"}
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


@dataclass(frozen=True)
class Hidden:
    """`name` is read in `code` and has no value there; `later` is the cell that gives it one, if any does."""

    code: Code
    name: str
    later: Code | None


def hidden_name(cells: Sequence[Code]) -> Hidden | None:
    """The first name that surely has no value when the notebook runs from top to bottom."""
    return next(hidden_names(cells), None)


def hidden_names(cells: Sequence[Code]) -> Iterator[Hidden]:
    """Each name that surely has no value when the notebook runs from top to bottom, where it is first read.

    Only what always runs is judged, and nothing after code that may bind names unseen (`import *`, `%run`, `exec`), so
    that a sound notebook is never accused.
    """
    bound: set[str] = set()
    for at, code in enumerate(cells):
        if "raises-exception" in code.tags or is_opaque(code) or has_star_import(code):
            return
        body = code.cell.tree.body
        for nth, statement in enumerate(body):
            for name in _surely_read([statement]):
                if name not in bound and name not in _GIVEN and not _HISTORY.fullmatch(name):
                    here = any(name in _bound_in(s) for s in body[nth + 1 :])
                    later = next((c for c in cells[at + 1 :] if name in _bound_in(c.cell.tree)), None)
                    yield Hidden(code, name, code if here else later)
                    bound.add(name)
            bound |= _bound_in(statement)


def is_opaque(code: Code) -> bool:
    """May this cell bind or read names that its text does not show?"""
    if code.cell.language and not _QUIET_MAGICS.match(code.cell.magics[0]):
        return True
    if any(m.startswith("%") and not _QUIET_MAGICS.match(m) for m in code.cell.magics):
        return True
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _UNSEEN
        for node in ast.walk(code.cell.tree)
    )


def has_star_import(code: Code) -> bool:
    """Does the cell import names that are not written down?"""
    found = (node for node in ast.walk(code.cell.tree) if isinstance(node, ast.ImportFrom))
    return any(alias.name == "*" for node in found for alias in node.names)


def _bound_in(root: ast.AST) -> set[str]:
    """Everything bound anywhere under `root`, however unlikely."""
    found: set[str] = set()
    for node in ast.walk(root):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                found.add(name)
            case ast.ClassDef(name=name) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                found.add(name)
            case ast.ExceptHandler(name=str(name)) | ast.MatchMapping(rest=str(name)):
                found.add(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                found |= {(a.asname or a.name).partition(".")[0] for a in aliases}
            case ast.Global(names=names):
                found |= set(names)
    return found


def _surely_read(statements: Iterable[ast.stmt]) -> list[str]:
    """Names read by a statement whatever happens, before it binds anything."""
    found: list[str] = []
    for statement in statements:
        match statement:
            case ast.Assign(value=value) | ast.AugAssign(value=value) | ast.Expr(value=value):
                found += _in(value)
                targets = statement.targets if isinstance(statement, ast.Assign) else []
                found += [
                    name for t in targets if isinstance(t, ast.Subscript | ast.Attribute) for name in _in(t.value)
                ]
                if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
                    found.append(statement.target.id)
            case ast.For(iter=test) | ast.If(test=test) | ast.While(test=test) | ast.Assert(test=test):
                found += _in(test)
            case ast.With(items=items):
                found += _in(items[0].context_expr)
    return found


def _in(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Name):
        return [node.id]
    return [name for child in _always(node) for name in _in(child)]


def _always(node: ast.AST) -> list[ast.AST]:
    """The children that are evaluated whatever happens."""
    match node:
        case ast.ListComp(generators=[first, *_]) | ast.SetComp(generators=[first, *_]):
            return [first.iter]
        case ast.DictComp(generators=[first, *_]) | ast.GeneratorExp(generators=[first, *_]):
            return [first.iter]
        case ast.BoolOp(values=[first, *_]) | ast.IfExp(test=first):
            return [first]
        case ast.Compare(left=left, comparators=[first, *_]):
            return [left, first]
    # a walrus may bind what is read beside it
    return [] if isinstance(node, _SCOPES) or stored_names(node) else list(ast.iter_child_nodes(node))
