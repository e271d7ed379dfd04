"""Names that several notebooks of one pipeline have in common: a parameter of both, or two that are told apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mvops.notebook.code import Code, identifiers
from mvops.notebook.naming import Namer
from mvops.notebook.parameters import Lifted, Parameter, Place, lift


class SharedNames:
    """The parameters and steps of the notebooks so far."""

    def __init__(self) -> None:
        self._parameters: dict[str, Parameter] = {}
        self._inputs: dict[str, str] = {}
        self._steps: set[str] = set()
        self.notes: list[str] = []

    def lift(self, cells: Sequence[Code], place: Place, notebook: str, word: str) -> Lifted:
        """As `lift`. What has the value of an earlier parameter of its name is that one, else it gets another name."""
        lifted = lift(cells, place)
        clashing = {p.name: p for p in lifted.parameters if p.name in self._parameters and not self._same(p, lifted)}
        if clashing:
            taken = {p.name for p in lifted.parameters} | self._parameters.keys()
            namer = Namer(identifiers(cells) | taken)
            renamed = {name: namer.fresh(f"{word}_{name}") for name in clashing}
            lifted = lift(cells, place, renamed)
            self.notes += [self._apart(clashing[name], notebook, other) for name, other in renamed.items()]
        lifted.parameters = [replace(each, notebook=notebook) for each in lifted.parameters]
        for each in lifted.parameters:
            first = self._parameters.setdefault(each.name, each)
            if first is not each:
                self.notes.append(
                    f"{each.name} is one parameter of both: {first.place} and {each.place} say {each.text}."
                )
        self._inputs |= lifted.inputs
        return lifted

    def _same(self, found: Parameter, lifted: Lifted) -> bool:
        """One file is the same from two folders."""
        first = self._parameters[found.name]
        if found.role == "input":
            return lifted.inputs[found.name] == self._inputs.get(found.name)
        return (found.role, found.type, found.default) == (first.role, first.type, first.default)

    def _apart(self, found: Parameter, notebook: str, other: str) -> str:
        first = self._parameters[found.name]
        return (
            f"{found.name} is {first.text} in {first.place}, and {found.text} in {notebook}, cell {found.cell}: the "
            f"parameter of that one is {other}."
        )

    def step(self, name: str, word: str) -> str:
        """What a step of the notebook with this word is called."""
        candidates = [word, f"{word}_step"] if name == "main" else [name, f"{word}_{name}"]
        numbered = [f"{candidates[-1]}_{number}" for number in range(2, len(self._steps) + 3)]
        chosen = next(each for each in [*candidates, *numbered] if each not in self._steps)
        self._steps.add(chosen)
        return chosen
