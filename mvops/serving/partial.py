"""Which rows of a request can be predicted: all of them, or, where the endpoint skips bad ones, the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from mvops.serving.problems import Flaw, Problem
from mvops.serving.rows import Values
from mvops.serving.served import Served

Row = dict[str, Any]
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Readable:
    """The rows that fit: as `columns` for the model, as `rows` for the log, and as they were `given`.

    `places` says where each of them stands in the request; `flaws` what is wrong with the others.
    """

    columns: list[Values]
    rows: Sequence[Row]
    given: Sequence[Row]
    times: Sequence[datetime]
    places: Sequence[int]
    flaws: Sequence[Flaw] = ()

    def without(self, bad: Iterable[Flaw]) -> Readable:
        """The others, where the model cannot take some; none may be left."""
        named = {flaw.row: flaw for flaw in bad}
        kept = [row for row in range(len(self.places)) if row not in named]
        return Readable(
            [[values[row] for row in kept] for values in self.columns],
            _at(kept, self.rows),
            _at(kept, self.given),
            _at(kept, self.times),
            _at(kept, self.places),
            sorted([*self.flaws, *_placed(named, self.places)], key=lambda flaw: flaw.row),
        )


async def readable(served: Served, rows: list[Row], times: Sequence[datetime], *, skip: bool) -> Readable:
    """The rows that can be predicted. Raises Problem where one cannot, and is not to be skipped, or none can."""
    given = rows
    places: Sequence[int] = range(len(rows)) if type(rows) is list else ()
    flaws: list[Flaw] = []
    while True:
        filled = None
        try:
            filled, logged = await _filled(served, given, times)
            columns = served.reader.read(filled)
        except Problem as problem:
            bad = _bad(served, given, filled, problem) if skip else {}
            if not bad:
                raise
        else:
            return Readable(columns, logged, given, times, places, sorted(flaws, key=lambda flaw: flaw.row))
        flaws += _placed(bad, places)
        kept = [row for row in range(len(given)) if row not in bad]
        if not kept:
            raise Problem.of_rows(sorted(flaws, key=lambda flaw: flaw.row))
        given, times, places = _at(kept, given), _at(kept, times), _at(kept, places)


async def _filled(served: Served, rows: list[Row], times: Sequence[datetime]) -> tuple[list[Row], list[Row]]:
    """As the model reads them, and as they are logged."""
    if served.lookup is None or not served.reader.shaped(rows):
        return rows, rows
    return await served.lookup.fill(rows, times)


def _bad(served: Served, given: Any, filled: Any, problem: Problem) -> dict[int, Flaw]:
    """What is wrong with each of the rows that cannot be read, if it is with rows."""
    if type(given) is not list or len(given) > served.reader.max_rows:
        return {}
    strange = [row for row, each in enumerate(given) if type(each) is not dict]
    if strange:
        return {row: Flaw(row=row, column=None, message="must be an object") for row in strange}
    return {flaw.row: flaw for flaw in reversed(problem.flaws)} if filled is None else served.reader.flawed(filled)


def _at(kept: Iterable[int], values: Sequence[_Value]) -> list[_Value]:
    return [values[row] for row in kept]


def _placed(bad: dict[int, Flaw], places: Sequence[int]) -> list[Flaw]:
    """With the row that each is in the request."""
    return [flaw.model_copy(update={"row": places[row]}) for row, flaw in bad.items()]
