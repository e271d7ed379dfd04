"""Which step may run when: pure, from what the steps read and write."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

from mvops.notebook.reading import names_read, names_written
from mvops.notebook.slices import StepSlice


def waits(slices: Sequence[StepSlice]) -> dict[str, frozenset[str]]:
    """For each step, in the notebook's order, the steps that must be done before it starts.

    Those whose values it loads, and those that share a file with it which one writes and the other reads by a name
    spelt out. A step whose code looks around in its variables waits for all before it in its notebook. Of another
    notebook, it waits for the steps that its slice names.
    """
    found: dict[str, frozenset[str]] = {}
    read = {part.name: frozenset().union(*(names_read(cell.source) for cell in part.own)) for part in slices}
    written = {part.name: names_written(cell.source for cell in part.own) for part in slices}
    for at, part in enumerate(slices):
        before = [other.name for other in slices[:at] if other.book == part.book]
        files = {
            other
            for other in before
            if written[other] & read[part.name] or read[other] & written[part.name] or part.looks_around
        }
        found[part.name] = frozenset(part.upstream) | files
    return found


def next_step(after: Mapping[str, frozenset[str]], done: Container[str], begun: Container[str]) -> str | None:
    """The first step that was not begun and waits for nothing; None if there is none."""
    return next(
        (step for step, first in after.items() if step not in begun and all(each in done for each in first)), None
    )
