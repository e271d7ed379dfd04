"""Which names a piece of Python reads, binds and changes: Python's scopes, followed statement by statement."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from mvops.notebook.mutation import changed_arguments, is_in_place
from mvops.notebook.objects import bound_names, declared_global, held, loop_sources, root
from mvops.notebook.process_state import changes_process

FunctionNode: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_AT_NAME = re.compile(r"@([A-Za-z_]\w*)")


@dataclass
class Function:
    """What calling a function (or a class' methods) does to names outside it."""

    parameters: tuple[str, ...]
    reads: set[str]
    mutates: set[str]
    changes: set[str]  # the parameters whose argument is changed in place


@dataclass
class Scope(ast.NodeVisitor):
    """Visits one scope. `bound` is what is surely bound here by now; the rest is what was seen on the way."""

    bound: set[str] = field(default_factory=set)
    reads: set[str] = field(default_factory=set)
    binds: set[str] = field(default_factory=set)
    mutates: set[str] = field(default_factory=set)
    deletes: set[str] = field(default_factory=set)
    imports: set[str] = field(default_factory=set)
    defines: set[str] = field(default_factory=set)
    state: bool = False
    later: list[tuple[set[str], set[str]]] = field(default_factory=list)  # reads of a function, bound when defined
    functions: dict[str, Function] = field(default_factory=dict)
    calls: list[ast.Call] = field(default_factory=list)
    aliases: list[tuple[str, str]] = field(default_factory=list)

    def visit_all(self, nodes: Iterable[ast.AST | None]) -> None:
        """Visit in order, skipping what is not there."""
        for node in nodes:
            if node is not None:
                self.visit(node)

    def late_reads(self) -> set[str]:
        """Names that functions defined here will read from outside, whenever they are called."""
        settled = self.defines | self.imports
        return {name for names, bound in self.later for name in names - bound - settled}

    # names

    def bind(self, name: str) -> None:
        """`name` has a value from here on."""
        self.bound.add(name)
        self.binds.add(name)
        self.deletes.discard(name)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            if node.id not in self.bound:
                self.reads.add(node.id)
        elif isinstance(node.ctx, ast.Store):
            self.bind(node.id)
        else:
            if node.id not in self.bound:
                self.reads.add(node.id)
            self.bound.discard(node.id)
            self.deletes.add(node.id)

    def _changed(self, node: ast.AST) -> None:
        name = root(node)
        if name:
            self.mutates.add(name)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if not isinstance(node.ctx, ast.Load):
            self._changed(node.value)
        self.visit(node.value)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if not isinstance(node.ctx, ast.Load):
            self._changed(node.value)
        self.visit_all([node.value, node.slice])

    # statements

    def visit_Assign(self, node: ast.Assign) -> None:
        self.state |= any(changes_process(target) for target in node.targets)
        self.visit(node.value)
        for target in node.targets:
            self.visit(target)
            self._alias(target, node.value)
            if isinstance(target, ast.Name) and isinstance(node.value, ast.Lambda):
                self.functions[target.id] = summary(node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.visit_all([node.value, node.annotation])
        if node.value is not None:
            self.visit(node.target)
            self._alias(node.target, node.value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.state |= changes_process(node.target)
        self.visit(node.value)
        if isinstance(node.target, ast.Name):
            self.visit(ast.copy_location(ast.Name(node.target.id, ast.Load()), node.target))
            self.mutates.add(node.target.id)
        self.visit(node.target)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit_all([node.value, node.target])

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            name = (alias.asname or alias.name).partition(".")[0]
            self.imports.add(name)
            if name != "*":
                self.bind(name)

    visit_ImportFrom = visit_Import  # noqa: N815

    def _branches(self, branches: Sequence[Iterable[ast.AST]], *, may_skip: bool) -> None:
        """Visit alternatives; only what all of them bind is surely bound afterwards."""
        before = set(self.bound)
        outcomes: list[set[str]] = [before] if may_skip else []
        for branch in branches:
            self.bound = set(before)
            self.visit_all(branch)
            outcomes.append(self.bound)
        self.bound = set.intersection(*outcomes) if outcomes else before

    def visit_If(self, node: ast.If) -> None:
        self.visit(node.test)
        self._branches([node.body, node.orelse], may_skip=False)

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        self.visit(node.iter)
        for name in bound_names(node.target):
            self.aliases += [(name, other) for other in loop_sources(node.iter)]
        self._branches([[node.target, *node.body]], may_skip=True)
        self._branches([node.orelse], may_skip=True)

    visit_AsyncFor = visit_For  # noqa: N815

    def visit_While(self, node: ast.While) -> None:
        self.visit(node.test)
        self._branches([node.body], may_skip=True)
        self._branches([node.orelse], may_skip=True)

    def visit_Try(self, node: ast.Try | ast.TryStar) -> None:
        self._branches([[*node.body, *node.orelse], *([h] for h in node.handlers)], may_skip=False)
        self.visit_all(node.finalbody)

    visit_TryStar = visit_Try  # noqa: N815

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        self.visit_all([node.type])
        bound = node.name in self.bound
        if node.name:
            self.bound.add(node.name)
        self.visit_all(node.body)
        if node.name and not bound:
            self.bound.discard(node.name)

    def visit_Match(self, node: ast.Match) -> None:
        self.visit(node.subject)
        self._branches([[case] for case in node.cases], may_skip=True)

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        self.visit_all([node.pattern])
        if node.name:
            self.bind(node.name)

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        if node.name:
            self.bind(node.name)

    # calls

    def visit_Call(self, node: ast.Call) -> None:
        self.calls.append(node)
        called_state = changes_process(node.func)
        self.state |= called_state
        if isinstance(node.func, ast.Attribute) and not called_state and is_in_place(node):
            self._changed(node.func.value)
        for argument in changed_arguments(node):
            self._changed(argument)
        if isinstance(node.func, ast.Attribute) and node.func.attr in {"query", "eval"}:
            texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            self.reads |= {name for text in texts for name in _AT_NAME.findall(text)} - self.bound
        self.generic_visit(node)

    # inner scopes

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        arguments = node.args
        annotated = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        self.visit_all([*node.decorator_list, *arguments.defaults, *arguments.kw_defaults, node.returns])
        self.visit_all(argument.annotation for argument in annotated if argument is not None)
        self.bind(node.name)
        self.defines.add(node.name)
        self.functions[node.name] = self._deferred(node)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self.visit_all([*node.args.defaults, *node.args.kw_defaults])
        # a lambda is mostly called where it stands, so what it changes counts as changed here
        self.mutates |= self._deferred(node).mutates

    def _deferred(self, node: FunctionNode) -> Function:
        found = summary(node)
        self.later.append((found.reads, set(self.bound)))
        return found

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.visit_all([*node.decorator_list, *node.bases, *(k.value for k in node.keywords)])
        body = Scope(bound=set(self.bound))
        body.visit_all(node.body)
        self.reads |= body.reads
        self.mutates |= body.mutates - body.binds
        self.state |= body.state
        self.bind(node.name)
        self.defines.add(node.name)
        later = {name for names, _ in body.later for name in names}
        self.later.append((later, set(self.bound)))
        methods = body.functions.values()
        mutates = {name for method in methods for name in method.mutates}
        self.functions[node.name] = Function((), later, mutates, set())

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> None:
        self.visit(node.generators[0].iter)
        inner = Scope(bound=set(self.bound))
        for at, generator in enumerate(node.generators):
            inner.visit_all([generator.iter] if at else [])
            inner.visit_all([generator.target, *generator.ifs])
        inner.visit_all([node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt])
        targets = {name for generator in node.generators for name in bound_names(generator.target)}
        self.reads |= inner.reads
        self.mutates |= inner.mutates - targets
        self.state |= inner.state
        self.calls += inner.calls
        self.later += inner.later
        for name in inner.binds - targets:  # a walrus binds outside
            self.binds.add(name)

    visit_ListComp = visit_SetComp = visit_GeneratorExp = visit_DictComp = _comprehension  # noqa: N815

    def _alias(self, target: ast.AST, value: ast.AST) -> None:
        if isinstance(target, ast.Name):
            self.aliases += [(target.id, other) for other in held(value)]
        elif isinstance(target, ast.Tuple | ast.List) and isinstance(value, ast.Tuple | ast.List):
            for one, other in zip(target.elts, value.elts, strict=False):
                self._alias(one, other)


def summary(node: FunctionNode) -> Function:
    """What calling the function does to names outside it."""
    arguments = node.args
    parameters = [a.arg for a in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]]
    stars = [a.arg for a in (arguments.vararg, arguments.kwarg) if a is not None]
    body: list[ast.AST] = [node.body] if isinstance(node, ast.Lambda) else list(node.body)
    shared = {name for statement in body for name in declared_global(statement)}
    seen = Scope()
    seen.visit_all(body)  # once to learn the local names, once with all of them bound: order does not matter inside
    own = (seen.binds | set(parameters) | set(stars)) - shared
    inside = Scope(bound=set(own))
    inside.visit_all(body)
    later = {name for names, _ in inside.later for name in names} - own
    mutates = {name for function in inside.functions.values() for name in function.mutates}
    return Function(
        tuple(parameters),
        (inside.reads | later) - own,
        ((inside.mutates | mutates) - own) | (inside.binds & shared),
        inside.mutates & set(parameters),
    )
