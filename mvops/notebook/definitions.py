"""Definitions, imports and process state that stand inside a step's cells, statement by statement.

A later step that needs one runs that statement again, not the whole cell, which may well train a model.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import lru_cache

from mvops.notebook.cells import Cell, parse_cell
from mvops.notebook.flow import cell_flow, immediate_reads, is_setup_statement
from mvops.notebook.process_state import sets_seed


@dataclass(frozen=True)
class Statement:
    """One statement. `names` are what it binds, `reads` what it needs when it runs.

    `always`: later steps run it whether or not they use a name of it: it changes the process, imports everything, or
    defines a class.
    """

    source: str
    names: frozenset[str]
    reads: frozenset[str]
    always: bool
    is_class: bool = False


@lru_cache(maxsize=2048)
def statements(source: str) -> tuple[Statement, ...]:
    """The definitions among the top-level statements of a cell, in order."""
    cell = parse_cell(source)
    if cell.language:
        return ()
    found = (_statement(cell, node) for node in cell.tree.body if is_setup_statement(node))
    return tuple(each for each in found if each is not None)


@lru_cache(maxsize=2048)
def defined_last(source: str, name: str) -> Statement | None:
    """The definition that `name` is left with by the cell; None if a plain assignment comes after it."""
    cell = parse_cell(source)
    for node in reversed(cell.tree.body):
        piece = _source(cell, node)
        if name in cell_flow(piece).binds:
            return _statement(cell, node) if is_setup_statement(node) else None
    return None


def _statement(cell: Cell, node: ast.stmt) -> Statement | None:
    source = _source(cell, node)
    match node:
        case ast.Expr(value=ast.Constant()):
            line = _magic(cell, node)
            return Statement(line, frozenset(), frozenset(), always=True) if line else None
        case ast.Pass():
            return None
        case ast.Expr(value=ast.Call() as call) if sets_seed(call):
            return None  # the state of the random generators is handed over instead
    flow = cell_flow(source)
    # An object of a class may be handed on without its class being named, and must stay of that class.
    always = flow.state or "*" in flow.imports or isinstance(node, ast.ClassDef)
    return Statement(source, flow.binds, immediate_reads(source), always, isinstance(node, ast.ClassDef))


def _source(cell: Cell, node: ast.stmt) -> str:
    decorators = getattr(node, "decorator_list", [])
    if decorators:
        first = min(each.lineno for each in decorators)
        return "\n".join(cell.source.split("\n")[first - 1 : node.end_lineno])
    return ast.get_source_segment(cell.source, node) or ""


def _magic(cell: Cell, node: ast.stmt) -> str:
    """A line magic that stands alone: not a shell command, not `%time x = f()`; "" for anything else."""
    line = cell.source.split("\n")[node.lineno - 1].strip()
    alone = sum(each.lineno == node.lineno for each in cell.tree.body) == 1
    counts = alone and line in cell.magics and line.startswith("%") and not line.startswith("%%")
    return line if counts and not line.endswith("\\") else ""
