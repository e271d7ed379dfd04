"""What each step of a notebook runs, loads and saves, found by data flow.

A step runs the parameters cell, the setup cells up to its last cell, definitions that stand in cells of earlier steps,
and its own cells. A name that it reads or changes, and that a cell of an earlier step bound or changed last, is handed
over from that step. Where a pipeline is of several notebooks, what an earlier one defined comes first, and parameters
of an earlier one are set where they are read.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mvops.core.nearest import did_you_mean
from mvops.errors import NotebookError, Where
from mvops.notebook.cells import parse_cell
from mvops.notebook.definitions import Statement, statements
from mvops.notebook.document import Document, DocumentCell
from mvops.notebook.flow import immediate_reads
from mvops.notebook.handover import RANDOM
from mvops.notebook.origins import Flows, Given
from mvops.notebook.scopes import Scope

_LOOKS_AROUND = re.compile(r"\b(?:globals|locals|vars|eval|exec)\s*\(|^\s*%run\b", re.MULTILINE)


@dataclass(frozen=True)
class StepSlice:
    """One step.

    `setup` cells run before the load, `own` cells after it (a setup cell between them stays in its place);
    `early` and `late` are definitions from earlier steps' cells, the late ones need loaded values. `loads` maps a name
    to the step that saves it; the state of the random generators goes under a name of its own. `definitions` are the
    classes and functions that exist before the load. `reads` are all names that the step's code reads.

    `book` is the notebook that it is of. From the notebooks before that one: `inherited` are definitions that run
    before its own set-up, with the names `inherits`, `given` parameters that it reads, `after` the steps that must be
    done before it for what they may leave in files.
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
    book: int = 0
    inherited: tuple[str, ...] = ()
    inherits: frozenset[str] = frozenset()
    given: frozenset[str] = frozenset()
    after: tuple[str, ...] = ()

    @property
    def upstream(self) -> tuple[str, ...]:
        """The steps whose values or files it needs."""
        return tuple(dict.fromkeys((*self.loads.values(), *self.after)))


def slice_notebook(document: Document, outputs: Mapping[str, str]) -> tuple[StepSlice, ...]:
    """The steps of a pipeline of one notebook, as `slice_notebooks`."""
    return slice_notebooks((document,), outputs, document.folder)


def slice_notebooks(documents: Sequence[Document], outputs: Mapping[str, str], root: Path) -> tuple[StepSlice, ...]:
    """The steps in order; `outputs` (role -> variable) are saved by the step that binds or changes them last."""
    flows = Flows(documents)
    slices = [_slice(flows, book, step) for book, document in enumerate(documents) for step in document.steps]
    at = 0
    for document in documents:
        if flows.seeded(document):
            for before, place in enumerate(range(at + 1, at + len(document.steps))):
                slices[place] = replace(slices[place], loads={**slices[place].loads, RANDOM: document.steps[before]})
        at += len(document.steps)
    for role, name in outputs.items():
        owner = flows.owner(name)
        if owner is None:
            raise _no_output(flows, role, name)
        at = flows.steps.index(owner)
        slices[at] = replace(slices[at], outputs=slices[at].outputs | {name})
    for at in reversed(range(len(slices))):
        slices[at] = _handing_on(flows, slices[at], slices[at + 1 :])
    slices = [_with_after(each, slices, documents, root) for each in slices]
    return tuple(_with_saves(each, slices) for each in slices)


def _handing_on(flows: Flows, each: StepSlice, later: list[StepSlice]) -> StepSlice:
    """With what it may leave as it was, in a branch not taken: it has to have it to hand it on."""
    wanted = each.outputs | {name for other in later for name, step in other.loads.items() if step == each.name}
    surely = frozenset().union(*(_surely_bound(cell) for cell in each.own))
    first = flows.position[each.own[0].book, each.own[0].number]
    found = {
        name: flows.origin(name, first, each.book) for name in sorted(wanted - surely - each.loads.keys() - {RANDOM})
    }
    handed = {name: origin.what for name, origin in found.items() if origin and isinstance(origin.what, str)}
    given = {name for name, origin in found.items() if origin and isinstance(origin.what, Given)}
    return replace(each, loads=dict(sorted({**each.loads, **handed}.items())), given=each.given | given)


def _with_after(each: StepSlice, slices: list[StepSlice], documents: Sequence[Document], root: Path) -> StepSlice:
    """A file that an earlier notebook writes may be read under any name: so all its steps come first."""
    if each.book == 0:
        return each
    from mvops.notebook.touching import touches_files  # noqa: PLC0415 -- a pipeline of one notebook does without

    code = [cell.source for cell in (*each.setup, *each.own)] + [*each.inherited, *each.early, *each.late]
    if not touches_files(code, each.reads, documents, each.book, root):
        return each
    return replace(each, after=tuple(other.name for other in slices if other.book < each.book))


def _with_saves(each: StepSlice, slices: list[StepSlice]) -> StepSlice:
    consumers = [other for other in slices if each.name in other.loads.values()]
    saves = {name for other in consumers for name, step in other.loads.items() if step == each.name}
    known = [other.definitions if other.book == each.book else other.inherits for other in consumers]
    shared = frozenset.intersection(*known) if known else frozenset()
    return replace(each, saves=frozenset(saves), shared_definitions=shared)


def _slice(flows: Flows, book: int, step: str) -> StepSlice:
    places = [at for at, cell in enumerate(flows.cells) if cell.step == step]
    first, last = places[0], places[-1]
    setup = tuple(cell for cell in flows.cells[flows.starts[book] : first] if cell.role == "setup")
    own = tuple(cell for cell in flows.cells[first : last + 1] if cell.step == step or cell.role == "setup")
    wanted = _needs(flows, setup, own)
    loads, given, inherited, chosen = _sources(flows, wanted, first, book)
    needing = _needing([*inherited, *chosen], frozenset(loads))
    known = [each for each in inherited if each not in needing]
    early = [each for each in chosen if each not in needing]
    reads = (*(_setup_reads(flows, cell) for cell in setup), *(flows.flow(cell).reads for cell in own))
    return StepSlice(
        name=step,
        setup=setup,
        own=own,
        early=tuple(each.source for each in early),
        late=tuple(each.source for each in [*inherited, *chosen] if each in needing),
        loads=dict(sorted(loads.items())),
        definitions=frozenset().union(*(flows.flow(cell).defines for cell in setup), *(each.names for each in early)),
        reads=frozenset().union(*reads, *(each.reads for each in [*inherited, *chosen])),
        looks_around=any(_LOOKS_AROUND.search(cell.source) for cell in own),
        book=book,
        inherited=tuple(each.source for each in known),
        inherits=frozenset().union(*(each.names for each in known)),
        given=given,
    )


def _needs(flows: Flows, setup: Iterable[DocumentCell], own: Iterable[DocumentCell]) -> frozenset[str]:
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


def _setup_reads(flows: Flows, cell: DocumentCell) -> frozenset[str]:
    """What a setup cell needs: a function's names count where it is called, but methods are called unseen."""
    has_class = any(isinstance(node, ast.ClassDef) for node in parse_cell(cell.source).tree.body)
    return flows.flow(cell).reads if has_class else immediate_reads(cell.source)


def _surely_bound(cell: DocumentCell) -> set[str]:
    scope = Scope()
    scope.visit_all(parse_cell(cell.source).tree.body)
    return scope.bound


@dataclass(frozen=True)
class _Sources:
    """Where the names that a step wants come from: steps that save them, or definitions to run again."""

    flows: Flows
    first: int
    book: int
    loads: dict[str, str] = field(default_factory=dict)
    given: set[str] = field(default_factory=set)
    chosen: dict[Statement, None] = field(default_factory=dict)
    inherited: dict[Statement, None] = field(default_factory=dict)

    def find(self, wanted: Iterable[str]) -> None:
        """Look for the names, and for what their definitions need."""
        waiting = [(name, self.first) for name in wanted]
        seen: set[tuple[str, int]] = set()
        for statement, at in self._always():
            waiting += self._take(statement, at)
        while waiting:
            name, before = waiting.pop()
            if (name, before) in seen:
                continue
            seen.add((name, before))
            origin = self.flows.origin(name, before, self.book)
            if origin is None:
                continue
            if isinstance(origin.what, Statement):
                waiting += self._take(origin.what, origin.at)
            elif before == self.first or not self.flows.has(self.book, name, self.first):
                if isinstance(origin.what, Given):
                    self.given.add(name)
                else:
                    self.loads[name] = origin.what

    def _always(self) -> Iterable[tuple[Statement, int]]:
        """What changes the process is done again in this notebook only; objects of any class may be handed on."""
        for at, cell in enumerate(self.flows.cells[: self.first]):
            foreign = cell.book != self.book
            for each in statements(cell.source) if foreign or cell.step is not None else ():
                wanted = each.is_class and not any(self.flows.has(self.book, name, self.first) for name in each.names)
                if wanted if foreign else each.always:
                    yield each, at

    def _take(self, statement: Statement, at: int) -> list[tuple[str, int]]:
        """A definition of an earlier notebook means what names meant there."""
        foreign = self.flows.cells[at].book != self.book
        (self.inherited if foreign else self.chosen)[statement] = None
        return [(name, at + 1 if foreign else self.first) for name in statement.reads]


def _sources(
    flows: Flows, wanted: Iterable[str], first: int, book: int
) -> tuple[dict[str, str], frozenset[str], list[Statement], list[Statement]]:
    """Which step saves a wanted name, parameters, definitions of earlier notebooks and of this one."""
    found = _Sources(flows, first, book)
    found.find(wanted)
    earlier = [cell for cell in flows.cells if cell.book < book]
    own = [cell for cell in flows.cells if cell.book == book and cell.step is not None]
    return found.loads, frozenset(found.given), _in_order(earlier, found.inherited), _in_order(own, found.chosen)


def _in_order(cells: Iterable[DocumentCell], chosen: Iterable[Statement]) -> list[Statement]:
    kept = set(chosen)
    in_order = (each for cell in cells for each in statements(cell.source))
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


def _no_output(flows: Flows, role: str, name: str) -> NotebookError:
    known = sorted(frozenset().union(*(flow.binds for flow in flows.flows)))
    return NotebookError(
        f"No cell makes the variable {name!r}, which is the output {role!r}{did_you_mean(name, known) or '.'}",
        hint="Correct pipeline.outputs in the model's YAML.",
        where=Where(flows.documents[-1].path),
    ).named_by("outputs", role)
