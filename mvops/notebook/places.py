"""The cells of several notebooks under one numbering, in the order in which they run; and where each of them is."""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from mvops.notebook.matching import Difference, MetricRow, cell_number

Placed = TypeVar("Placed", Difference, MetricRow)


@dataclass(frozen=True)
class Places:
    """`starts` is how many cells come before each notebook. Of one notebook alone, its name goes without saying."""

    names: tuple[str, ...]
    starts: tuple[int, ...]

    @classmethod
    def of(cls, names: Sequence[str], cells: Sequence[int]) -> Places:
        """Of notebooks with so many cells each."""
        return cls(tuple(names), tuple(sum(cells[:at]) for at in range(len(names))))

    def number(self, cells: Iterable[dict[str, Any]], book: int) -> list[dict[str, Any]]:
        """The executed cells of a notebook, with their numbers, and those of the originals', among all."""
        found = []
        for cell in cells:
            ours = dict(cell["metadata"].get("mvops", {}))
            moved = {k: ours[k] + self.starts[book] for k in ("cell", "original_cell") if isinstance(ours.get(k), int)}
            found.append({**cell, "metadata": {**cell["metadata"], "mvops": ours | moved}})
        return found

    def place(self, number: int) -> tuple[int, str]:
        """The number of a cell in its notebook, and the notebook's name."""
        book = max(0, bisect.bisect_left(self.starts, number) - 1)
        return number - self.starts[book], self.names[book] if len(self.names) > 1 else ""

    def apart(self, cells: Sequence[dict[str, Any]]) -> list[tuple[int, list[dict[str, Any]]]]:
        """Numbered cells by their notebook."""
        ends = (*self.starts[1:], math.inf)
        return [
            (book, [cell for cell in cells if start < cell_number(cell) <= end])
            for book, (start, end) in enumerate(zip(self.starts, ends, strict=True))
        ]

    def put(self, found: Placed) -> Placed:
        """What was found in a cell, with that cell's place."""
        cell, notebook = self.place(found.cell)
        return replace(found, cell=cell, notebook=notebook)

    def listed(self, numbers: Iterable[int]) -> str:
        """For people."""
        if len(self.names) == 1:
            return f"cell {', '.join(map(str, numbers))}"
        return ", ".join(told_cell(*self.place(number)) for number in numbers)


def told_cell(cell: int, notebook: str) -> str:
    """Such as `cell 3`, or `train.ipynb, cell 3`."""
    return f"{notebook}, cell {cell}" if notebook else f"cell {cell}"
