"""What a notebook's cells read, bind and change.

`cell_flow` looks at one cell alone. `notebook_flows` looks at all of them in order, and so also knows what a function
defined in an earlier cell reads and changes when it is called, which argument it changes, and which names share one
object (`both = [train, test]`): use it wherever the cells of a notebook are told apart.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from mvops.notebook.cells import Cell, parse_cell
from mvops.notebook.objects import root
from mvops.notebook.process_state import changes_process
from mvops.notebook.scopes import Function, Scope
from mvops.notebook.walking import loaded_names

_GIVEN = frozenset(dir(builtins)) | {"get_ipython", "display", "In", "Out", "__file__", "__name__", "exit", "quit"}
_IN_SHELL = re.compile(r"\{([A-Za-z_]\w*)|\$([A-Za-z_]\w*)")
_DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class CellFlow:
    """Names of one cell.

    `reads`: read before being bound here, also by functions defined here. `binds`: assigned, imported, defined, loop
    variables. `mutates`: possibly changed in place. `state`: the process is changed, not a variable (magics, working
    folder, import path, options, seeds). Names that Python itself gives (`print`) are not listed as read.
    """

    reads: frozenset[str]
    binds: frozenset[str]
    mutates: frozenset[str]
    deletes: frozenset[str]
    imports: frozenset[str]
    defines: frozenset[str]
    state: bool


def cell_flow(source: str) -> CellFlow:
    """The flow of one cell; a syntax error is a NotebookError."""
    return notebook_flows([source])[0]


def notebook_flows(sources: Sequence[str], earlier: int = 0) -> tuple[CellFlow, ...]:
    """The flow of each cell, knowing the cells before it; a syntax error is a NotebookError.

    The first `earlier` cells are those of notebooks before this one: what they import, this one may use for values, and
    a name of Python's own that they bind (`sum`) means here what it means in Python.
    """
    seen = [_scope(source) for source in sources]
    bound = {name for _, scope in seen for name in scope.binds}
    own = {name for _, scope in seen[earlier:] for name in scope.binds}
    imported = {
        name for at, (_, scope) in enumerate(seen) for name in scope.imports if at >= earlier or name not in own
    }
    groups = _Groups(pair for _, scope in seen for pair in scope.aliases)
    functions: dict[str, Function] = {}
    flows = []
    for cell, scope in seen:
        functions.update(scope.functions)
        flow = _flow(cell, scope, given=_GIVEN - own)
        reads, mutates = _called(flow, scope, functions)
        mutates = frozenset(other for name in mutates for other in groups.of(name)) - imported
        needed = (reads & bound) - flow.reads
        if needed & flow.binds:
            needed -= _bound_before_calls(cell, functions)
        flows.append(replace(flow, reads=flow.reads | needed, mutates=flow.mutates - imported | mutates))
    return tuple(flows)


def shared_objects(sources: Sequence[str]) -> tuple[frozenset[str], ...]:
    """Groups of names that may stand for, or hold, one object: `both = [train, test]` makes one of three."""
    groups = _Groups(pair for source in sources for pair in _scope(source)[1].aliases)
    return tuple({frozenset(group) for group in groups.all()})


def is_setup(source: str) -> bool:
    """Only imports, definitions and process state: run again in every step. An empty cell is none."""
    cell = parse_cell(source)
    if cell.language:
        return False
    return (bool(cell.tree.body) or bool(cell.magics)) and all(is_setup_statement(s) for s in cell.tree.body)


def is_setup_statement(node: ast.stmt) -> bool:  # noqa: PLR0911 -- one line for each kind of statement
    """Is this one statement an import, a definition or process state? A docstring or constant alone counts too."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.Import() | ast.ImportFrom():
            return True
        case ast.Expr(value=ast.Constant()) | ast.Pass():
            return True
        case ast.Expr(value=ast.Call(func=function)):
            return changes_process(function)
        case ast.Assign(targets=[target], value=value):
            return changes_process(target) or (isinstance(target, ast.Name) and isinstance(value, ast.Lambda))
        case ast.AugAssign(target=target):
            return changes_process(target)
        case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=final):
            parts = [*body, *(s for h in handlers for s in h.body), *orelse, *final]
            return any(isinstance(s, _DEFINITIONS) for s in body) and all(is_setup_statement(s) for s in parts)
        case ast.If(body=body, orelse=orelse):
            return all(is_setup_statement(s) for s in [*body, *orelse])
    return False


def immediate_reads(source: str) -> frozenset[str]:
    """Names that the cell needs the moment it runs: functions that it only defines do not count."""
    cell, scope = _scope(source)
    return frozenset((scope.reads | _in_shell(cell)) - _GIVEN)


def _scope(source: str) -> tuple[Cell, Scope]:
    cell = parse_cell(source)
    scope = Scope()
    try:
        scope.visit_all(cell.tree.body)
    except RecursionError:  # thousands of nested operators: nothing can be said
        return cell, Scope()
    return cell, scope


def _flow(cell: Cell, scope: Scope, given: frozenset[str]) -> CellFlow:
    reads = scope.reads | scope.late_reads() | _in_shell(cell)
    return CellFlow(
        reads=frozenset(reads - given),
        binds=frozenset(scope.binds),
        mutates=frozenset(scope.mutates),
        deletes=frozenset(scope.deletes),
        imports=frozenset(scope.imports),
        defines=frozenset(scope.defines),
        state=scope.state or bool(cell.magics),
    )


def _in_shell(cell: Cell) -> set[str]:
    text = "\n".join(cell.magics)
    return {name for pair in _IN_SHELL.findall(text) for name in pair if name}


def _called(flow: CellFlow, scope: Scope, functions: dict[str, Function]) -> tuple[frozenset[str], frozenset[str]]:
    """What the functions used in this cell read and change besides the cell's own code."""
    reads: set[str] = set()
    mutates = set(flow.mutates)
    waiting = [*flow.reads, *(c.func.id for c in scope.calls if isinstance(c.func, ast.Name))]
    done: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in done or name not in functions:
            continue
        done.add(name)
        reads |= functions[name].reads
        mutates |= functions[name].mutates
        waiting += functions[name].reads
    for call in scope.calls:
        if isinstance(call.func, ast.Name) and call.func.id in functions:
            mutates |= _passed(call, functions[call.func.id])
    return frozenset(reads), frozenset(mutates)


def _bound_before_calls(cell: Cell, functions: Mapping[str, Function]) -> set[str]:
    """What the cell has surely bound by the first statement that uses one of the functions."""
    scope = Scope()
    for statement in cell.tree.body:
        is_definition = isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        if not is_definition and loaded_names(statement) & functions.keys():
            break
        scope.visit_all([statement])
    return scope.bound


def _passed(call: ast.Call, function: Function) -> set[str]:
    """The names handed to parameters that the function changes in place."""
    positional = zip(function.parameters, call.args, strict=False)
    named = ((keyword.arg, keyword.value) for keyword in call.keywords)
    given = [(parameter, value) for parameter, value in [*positional, *named] if parameter in function.changes]
    return {name for _, value in given if (name := root(value))}


class _Groups:
    """Names that may stand for, or hold, the same object."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._group: dict[str, set[str]] = {}
        for one, other in pairs:
            merged = self._group.get(one, {one}) | self._group.get(other, {other})
            for name in merged:
                self._group[name] = merged

    def of(self, name: str) -> set[str]:
        return self._group.get(name, {name})

    def all(self) -> list[set[str]]:
        return list(self._group.values())
