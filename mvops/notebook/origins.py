"""Where a name in a pipeline's notebooks comes from: the step that touched it last, a definition, a parameter.

Several notebooks are read as one, in their order, but that what a notebook sets up (imports, definitions, parameters,
process state) is done in its own steps only. A later one that names something of it gets that definition, or value.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from mvops.errors import NotebookError, Where
from mvops.notebook.cells import parse_cell
from mvops.notebook.definitions import Statement, defined_last
from mvops.notebook.document import Document, DocumentCell
from mvops.notebook.flow import CellFlow, notebook_flows
from mvops.notebook.injection import declared_parameters
from mvops.notebook.process_state import sets_seed


@dataclass(frozen=True)
class Given:
    """A parameter that an earlier notebook declares."""

    name: str


@dataclass(frozen=True)
class Origin:
    """What a name comes from, and the place of the cell that it stands in: a step is given by its name."""

    what: str | Statement | Given
    at: int


class Flows:
    """The cells of all notebooks with their flows, and who touched a name last."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self.documents = documents
        self.cells: tuple[DocumentCell, ...] = ()
        self.flows: tuple[CellFlow, ...] = ()
        self.starts: list[int] = []
        for document in documents:
            self.starts.append(len(self.cells))
            self.cells += document.code
            self.flows += self._flows(document)
        self.position = {(cell.book, cell.number): at for at, cell in enumerate(self.cells)}
        self.steps = [step for document in documents for step in document.steps]
        self.defined = cache(self._defined)

    def _flows(self, document: Document) -> tuple[CellFlow, ...]:
        """Of the notebook whose cells came last; those of later ones are not known, and change nothing."""
        start = self.starts[-1]
        try:
            return notebook_flows([cell.source for cell in self.cells], start)[start:]
        except NotebookError as error:
            raise _located(error, document) from None

    def seeded(self, document: Document) -> bool:
        """Does the notebook seed a generator that the process shares? Then its state is handed from step to step."""
        calls = (
            node
            for cell in document.code
            for node in ast.walk(parse_cell(cell.source).tree)
            if isinstance(node, ast.Call)
        )
        return any(sets_seed(call) for call in calls)

    def flow(self, cell: DocumentCell) -> CellFlow:
        """The flow of one of the cells."""
        return self.flows[self.position[cell.book, cell.number]]

    def _defined(self, book: int) -> frozenset[str]:
        """Names that are those of definitions and imports in a notebook."""
        start = self.starts[book]
        end = start + len(self.documents[book].code)
        own = frozenset().union(*(flow.binds for flow in self.flows[start:end]))
        earlier = frozenset().union(*(flow.defines | flow.imports for flow in self.flows[:start]))
        return (earlier - own).union(*(flow.defines | flow.imports for flow in self.flows[start:end]))

    def origin(self, name: str, before: int, book: int) -> Origin | None:
        """Where the steps of notebook `book` have the name from that stands before a place; None if by themselves."""
        for at in reversed(range(before)):
            cell, flow = self.cells[at], self.flows[at]
            if cell.step is None:
                if name in flow.binds:
                    return None if cell.book == book else Origin(self._set_up(name, cell), at)
                continue
            if name in flow.deletes:
                return None
            if name in flow.binds:
                return Origin(defined_last(cell.source, name) or cell.step, at)
            if name in flow.mutates and name not in self.defined(cell.book):
                return Origin(cell.step, at)
        return None

    def _set_up(self, name: str, cell: DocumentCell) -> str | Statement | Given:
        """What another notebook's steps all do: what is no definition is as its last step leaves it."""
        document = self.documents[cell.book]
        if cell.role == "parameters" and name in declared_parameters(document).defaults:
            return Given(name)
        return defined_last(cell.source, name) or document.steps[-1]

    def has(self, book: int, name: str, before: int) -> bool:
        """Does the notebook itself make or change the name before a place?"""
        flows = self.flows[self.starts[book] : before]
        return any(name in flow.binds or name in flow.mutates for flow in flows)

    def owner(self, name: str) -> str | None:
        """The step at whose end the name has its final value."""
        for cell, flow in zip(reversed(self.cells), reversed(self.flows), strict=True):
            if cell.step is not None and (name in flow.binds or name in flow.mutates):
                return cell.step
            if name in flow.binds:
                return self.documents[cell.book].steps[-1]
        return None


def _located(error: NotebookError, document: Document) -> NotebookError:
    for cell in document.code:
        try:
            parse_cell(cell.source)
        except NotebookError as found:
            message = f"Cell {cell.number}: {found.message}"
            return NotebookError(message, hint=found.hint, where=Where(document.path))
    return error
