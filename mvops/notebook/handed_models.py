"""Models that one notebook of a pipeline fits and saves, and a later one loads, as to judge them."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from mvops.notebook.code import Code
from mvops.notebook.estimators import Made
from mvops.notebook.findings import Evidence, Fit
from mvops.notebook.handed_files import NamedFiles
from mvops.notebook.paths import covers
from mvops.notebook.walking import calls_of, loaded_names, targets_of

_LOADS = {"load", "load_model", "read_pickle"}
_SAVES = {"dump", "save", "save_model", "dump_model", "to_pickle"}


@dataclass
class SavedModels:
    """What the notebooks so far have saved: file below the project -> what it is; and the last of all."""

    files: dict[str, Made] = field(default_factory=dict)
    last: Made | None = None

    def add(self, cells: Sequence[Code], seen: Evidence, named: NamedFiles) -> None:
        """Those that a notebook fits, or has loaded, and saves."""
        fitted = {fit.name: fit.made for fit in seen.fits}
        for each in _calls(cells, _SAVES):
            name = next((n for n in sorted(loaded_names(each.call)) if n in fitted), None)
            if name is not None:
                self.last = fitted[name]
                self.files |= dict.fromkeys(each.files(named, writing=True), fitted[name])

    def loaded(self, cells: Sequence[Code], asked: Collection[str], named: NamedFiles) -> Iterator[Fit]:
        """The models that a notebook loads. `asked` are names that predict: of which file, the code need not say."""
        for each in _calls(cells, _LOADS):
            paths = each.files(named, writing=False)
            found = next((made for file, made in self.files.items() if any(covers(p, file) for p in paths)), None)
            for target, _ in targets_of(each.statement):
                made = found or (self.last if isinstance(target, ast.Name) and target.id in asked else None)
                if isinstance(target, ast.Name) and made is not None:
                    yield Fit(each.at, target.id, made, None, None, loaded=True)


@dataclass(frozen=True)
class _Call:
    """A call in the cell at place `at`, its statement, and that of the cell's own in which both stand."""

    at: int
    call: ast.Call
    statement: ast.stmt
    outer: ast.stmt

    def files(self, named: NamedFiles, *, writing: bool) -> list[str]:
        """Those named in the call, or opened by what is around it."""
        found = named.of_node(self.call, writing=writing)
        return found or named.of_node(self.outer, writing=writing)


def _calls(cells: Sequence[Code], names: set[str]) -> Iterator[_Call]:
    for at, code in enumerate(cells):
        for outer in code.cell.tree.body:
            for statement in (node for node in ast.walk(outer) if isinstance(node, ast.stmt)):
                for call in calls_of(statement):
                    if getattr(call.func, "attr", getattr(call.func, "id", "")) in names:
                        yield _Call(at, call, statement, outer)
