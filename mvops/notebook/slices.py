"""What each step of a notebook runs, loads and saves, found by data flow.

A step runs the parameters cell, the setup cells up to its last cell, definitions that stand in cells of earlier steps,
and its own cells. A name that it reads or changes, and that a cell of an earlier step bound or changed last, is handed
over from that step.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from mvops.core.nearest import did_you_mean
from mvops.errors import NotebookError, Where
from mvops.notebook.cells import parse_cell
from mvops.notebook.definitions import Statement, defined_last, statements
from mvops.notebook.document import Document, DocumentCell
from mvops.notebook.flow import CellFlow, immediate_reads, notebook_flows
from mvops.notebook.handover import RANDOM
from mvops.notebook.process_state import sets_seed
from mvops.notebook.scopes import Scope

_LOOKS_AROUND = re.compile(r"\b(?:globals|locals|vars|eval|exec)\s*\(|^\s*%run\b", re.MULTILINE)


@dataclass(frozen=True)
class StepSlice:
    """One step.

    `setup` cells run before the load, `own` cells after it (a setup cell between them stays in its place);
    `early` and `late` are definitions from earlier steps' cells, the late ones need loaded values. `loads` maps a name
    to the step that saves it; the state of the random generators goes under a name of its own. `definitions` are the
    classes and functions that exist before the load. `reads` are all names that the step's code reads.
    """

    name: str
    setup: tuple[DocumentCell, ...]
    own: tuple[DocumentCell, ...]
    early: tuple[str, ...] = ()
    late: tuple[str, ...] = ()
    loads: Mapping[str, str] = field(default_factory=dict)
    saves: frozenset[str] = frozenset()
    outputs: frozenset[str] = frozenset()
    definitions: frozenset[str] = frozenset()
    shared_definitions: frozenset[str] = frozenset()  # those that every step has that loads from this one
    reads: frozenset[str] = frozenset()
    looks_around: bool = False  # the code may read names that it does not spell out


def slice_notebook(document: Document, outputs: Mapping[str, str]) -> tuple[StepSlice, ...]:
    """The steps in order; `outputs` (role -> variable) are saved by the step that binds or changes them last."""
    flows = _Flows(document)
    slices = [_slice(flows, step) for step in document.steps]
    if flows.seeded:
        for at, before in enumerate(document.steps[:-1], start=1):
            slices[at] = replace(slices[at], loads={**slices[at].loads, RANDOM: before})
    for role, name in outputs.items():
        owner = flows.owner(name)
        if owner is None:
            raise _no_output(flows, role, name)
        at = document.steps.index(owner)
        slices[at] = replace(slices[at], outputs=slices[at].outputs | {name})
    for at in reversed(range(len(slices))):
        slices[at] = _handing_on(flows, slices[at], slices[at + 1 :])
    return tuple(_with_saves(each, slices) for each in slices)


def _handing_on(flows: _Flows, each: StepSlice, later: list[StepSlice]) -> StepSlice:
    """With what it may leave as it was, in a branch not taken: it has to have it to hand it on."""
    wanted = each.outputs | {name for other in later for name, step in other.loads.items() if step == each.name}
    surely = frozenset().union(*(_surely_bound(cell) for cell in each.own))
    first = flows.position[each.own[0].number]
    found = {name: flows.origin(name, first) for name in sorted(wanted - surely - each.loads.keys() - {RANDOM})}
    handed = {name: origin for name, origin in found.items() if isinstance(origin, str)}
    return replace(each, loads=dict(sorted({**each.loads, **handed}.items())))


def _with_saves(each: StepSlice, slices: list[StepSlice]) -> StepSlice:
    consumers = [other for other in slices if each.name in other.loads.values()]
    saves = {name for other in consumers for name, step in other.loads.items() if step == each.name}
    shared = frozenset.intersection(*(other.definitions for other in consumers)) if consumers else frozenset()
    return replace(each, saves=frozenset(saves), shared_definitions=shared)


class _Flows:
    """The notebook's cells with their flows, and who touched a name last."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.cells = document.code
        try:
            self.flows = notebook_flows([cell.source for cell in self.cells])
        except NotebookError as error:
            raise self._located(error) from None
        self.position = {cell.number: at for at, cell in enumerate(self.cells)}

    def _located(self, error: NotebookError) -> NotebookError:
        for cell in self.cells:
            try:
                parse_cell(cell.source)
            except NotebookError as found:
                message = f"Cell {cell.number}: {found.message}"
                return NotebookError(message, hint=found.hint, where=Where(self.document.path))
        return error

    @cached_property
    def seeded(self) -> bool:
        """Does the notebook seed a generator that the process shares? Then its state is handed from step to step."""
        calls = (
            node for cell in self.cells for node in ast.walk(parse_cell(cell.source).tree) if isinstance(node, ast.Call)
        )
        return any(sets_seed(call) for call in calls)

    @cached_property
    def defined(self) -> frozenset[str]:
        """Names of definitions and imports anywhere."""
        return frozenset().union(*(flow.defines | flow.imports for flow in self.flows))

    def flow(self, cell: DocumentCell) -> CellFlow:
        """The flow of one of the cells."""
        return self.flows[self.position[cell.number]]

    def origin(self, name: str, before: int) -> str | Statement | None:
        """The step that touched `name` last before a position, or the definition there; None if nothing is handed."""
        for at in reversed(range(before)):
            cell, flow = self.cells[at], self.flows[at]
            if cell.step is None:
                if name in flow.binds:
                    return None  # runs again
                continue
            if name in flow.deletes:
                return None
            if name in flow.binds:
                return defined_last(cell.source, name) or cell.step
            if name in flow.mutates and name not in self.defined:
                return cell.step
        return None

    def owner(self, name: str) -> str | None:
        """The step at whose end the name has its final value."""
        for cell, flow in zip(reversed(self.cells), reversed(self.flows), strict=True):
            if cell.step is not None and (name in flow.binds or name in flow.mutates):
                return cell.step
            if name in flow.binds:
                return self.document.steps[-1]
        return None


def _slice(flows: _Flows, step: str) -> StepSlice:
    places = [at for at, cell in enumerate(flows.cells) if cell.step == step]
    first, last = places[0], places[-1]
    setup = tuple(cell for cell in flows.cells[:first] if cell.role == "setup")
    own = tuple(cell for cell in flows.cells[first : last + 1] if cell.step == step or cell.role == "setup")
    wanted = _needs(flows, setup, own)
    loads, chosen = _sources(flows, wanted, first)
    needing = _needing(chosen, frozenset(loads))
    early = [each for each in chosen if each not in needing]
    reads = (*(_setup_reads(flows, cell) for cell in setup), *(flows.flow(cell).reads for cell in own))
    return StepSlice(
        name=step,
        setup=setup,
        own=own,
        early=tuple(each.source for each in early),
        late=tuple(each.source for each in chosen if each in needing),
        loads=dict(sorted(loads.items())),
        definitions=frozenset().union(*(flows.flow(cell).defines for cell in setup), *(each.names for each in early)),
        reads=frozenset().union(*reads, *(each.reads for each in chosen)),
        looks_around=any(_LOOKS_AROUND.search(cell.source) for cell in own),
    )


def _needs(flows: _Flows, setup: Iterable[DocumentCell], own: Iterable[DocumentCell]) -> frozenset[str]:
    """Names that must exist before the step's own cells run, in the order of running."""
    bound: set[str] = set()
    needs: set[str] = set()
    for cell in setup:
        needs |= _setup_reads(flows, cell) - bound
        bound |= _surely_bound(cell)
    for cell in own:
        flow = flows.flow(cell)
        needs |= (flow.reads | (flow.mutates - flow.binds)) - bound
        bound |= _surely_bound(cell)
    return frozenset(needs)


def _setup_reads(flows: _Flows, cell: DocumentCell) -> frozenset[str]:
    """What a setup cell needs: a function's names count where it is called, but methods are called unseen."""
    has_class = any(isinstance(node, ast.ClassDef) for node in parse_cell(cell.source).tree.body)
    return flows.flow(cell).reads if has_class else immediate_reads(cell.source)


def _surely_bound(cell: DocumentCell) -> set[str]:
    scope = Scope()
    scope.visit_all(parse_cell(cell.source).tree.body)
    return scope.bound


def _sources(flows: _Flows, wanted: Iterable[str], first: int) -> tuple[dict[str, str], list[Statement]]:
    """Where each wanted name comes from: a step that saves it, or definitions to run again (with what those need)."""
    loads: dict[str, str] = {}
    chosen = {
        each: None
        for cell in flows.cells[:first]
        if cell.step is not None
        for each in statements(cell.source)
        if each.always
    }
    waiting = [*wanted, *(name for each in chosen for name in each.reads)]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        origin = flows.origin(name, first)
        if isinstance(origin, Statement):
            chosen[origin] = None
            waiting += origin.reads
        elif origin is not None:
            loads[name] = origin
    return loads, _in_order(flows, chosen)


def _in_order(flows: _Flows, chosen: Iterable[Statement]) -> list[Statement]:
    kept = set(chosen)
    in_order = (each for cell in flows.cells if cell.step is not None for each in statements(cell.source))
    return list(dict.fromkeys(each for each in in_order if each in kept))


def _needing(chosen: list[Statement], loaded: frozenset[str]) -> set[Statement]:
    """Definitions that can only run after the load: they, or what they build on, read a loaded value at once."""
    later_names = set(loaded)
    needing: set[Statement] = set()
    for each in chosen:
        if each.reads & later_names:
            needing.add(each)
            later_names |= each.names
    return needing


def _no_output(flows: _Flows, role: str, name: str) -> NotebookError:
    known = sorted(frozenset().union(*(flow.binds for flow in flows.flows)))
    return NotebookError(
        f"No cell makes the variable {name!r}, which is the output {role!r}{did_you_mean(name, known) or '.'}",
        hint="Correct pipeline.outputs in the model's YAML.",
        where=Where(flows.document.path),
    ).named_by("outputs", role)
