"""Asks a version about rows of a file: the endpoint's checks, look-ups and queue, but that wrong rows fail alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from mvops.core.lookup import Lookup
from mvops.core.signature import Column
from mvops.errors import BackendError
from mvops.serving.answers import Answers
from mvops.serving.batching import ModelError
from mvops.serving.file_values import Convert, converter, key_of, typed
from mvops.serving.problems import Problem
from mvops.serving.row_files import FileRow, RowFile
from mvops.serving.rows import RowReader, read_time
from mvops.serving.served import Served
from mvops.serving.unseen import unseen

_UNPROCESSABLE = 422
_LATER = "Type the same command again once it does: it goes on from there."
Values = dict[str, Any]


class Refusal(NamedTuple):
    """A row that cannot be predicted; `column` is None where it is the row as a whole."""

    row: FileRow
    column: str | None
    message: str

    def __str__(self) -> str:
        place = "" if self.column is None else f", column {self.column}"
        return f"row {self.row.number}{place}: {self.message}"


@dataclass
class Taken:
    """Rows as the endpoint would get them, each with its event time; and those that are none."""

    rows: list[FileRow] = field(default_factory=list)
    inputs: list[Values] = field(default_factory=list)
    times: list[datetime] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)

    def part(self, start: int, stop: int | None) -> Taken:
        """The rows from `start` up to `stop`."""
        return Taken(self.rows[start:stop], self.inputs[start:stop], self.times[start:stop])

    def without(self, refused: Iterable[Refusal]) -> Taken:
        """The rest."""
        these = list(refused)
        gone = {one.row.number for one in these}
        left = [index for index, row in enumerate(self.rows) if row.number not in gone]
        return Taken(
            [self.rows[index] for index in left],
            [self.inputs[index] for index in left],
            [self.times[index] for index in left],
            sorted([*self.refused, *these], key=lambda one: one.row.number),
        )


class Taker:
    """Takes what a version reads out of a file's rows."""

    def __init__(
        self, file: RowFile, columns: Sequence[Column], lookup: Lookup | None, time: str | None, began: datetime
    ) -> None:
        """Rows happened when the column `time` says; without one, at `began`."""
        looked_up = lookup.fields if lookup else {}
        there = file.columns
        mine = [c for c in columns if (c.name in there if there is not None else c.name not in looked_up)]
        keys = lookup.keys if lookup else {}
        self._converts: dict[str, Convert] = {
            **{name: _key(wanted.kind, texts=file.texts) for name, wanted in keys.items()},
            **{column.name: converter(column, texts=file.texts) for column in mine},
        }
        if lookup and there is None:  # each row may bring a feature itself
            self._converts |= {c.name: converter(c, texts=False) for c in columns if c.name in looked_up}
        self._time, self._began = time, began
        self._reader = RowReader(tuple(mine), 1 << 62)

    def take(self, rows: Iterable[FileRow]) -> Taken:
        """What can be told without the model or the feature store is told of those that are refused."""
        taken = Taken()
        for row in rows:
            if row.wrong:
                taken.refused.append(Refusal(row, None, row.wrong))
                continue
            try:
                time = self._began if self._time is None else read_time(typed(row.values.get(self._time)))
            except ValueError as error:
                taken.refused.append(Refusal(row, self._time, str(error)))
                continue
            taken.rows.append(row)
            taken.times.append(time)
            taken.inputs.append({n: read(row.values[n]) for n, read in self._converts.items() if n in row.values})
        return taken

    def check(self, taken: Taken) -> Taken:
        """Without those whose own values do not fit; nothing is looked up."""
        names = [column.name for column in self._reader.columns]
        given = [{name: row[name] for name in names if name in row} for row in taken.inputs]
        return taken.without(_refused(taken, given, self._reader.read)) if names else taken


def _key(kind: str, *, texts: bool) -> Convert:
    return lambda value: key_of(value, kind, texts=texts)


@dataclass
class Scored:
    """Rows that were predicted, with what is to be logged of each; and those that were not."""

    taken: Taken
    answers: Answers


class Scorer:
    """One version. To be used from one event loop."""

    def __init__(self, served: Served) -> None:
        self._served = served

    async def score(self, taken: Taken) -> Scored:
        """Predict; raises BackendError where the feature store does not answer."""
        columns: list[list[Any]] = []
        try:
            columns, taken = await self._read(taken)
        except Problem as problem:
            if problem.status != _UNPROCESSABLE:
                raise BackendError(problem.detail, hint=_LATER) from None
            taken = taken.without(await self._wrong(taken))
            if taken.rows:
                columns, taken = await self._read(taken)
        answers = await self._ask(columns, range(len(taken.rows))) if taken.rows else []
        refused = [Refusal(taken.rows[i], *said) for i, said in enumerate(answers) if isinstance(said[1], str)]
        good = [answer for answer in answers if not isinstance(answer[1], str)]
        predictions, probabilities = [one for one, _ in good], [two for _, two in good]
        return Scored(
            taken.without(refused),
            Answers(predictions, probabilities if self._served.version.signature.probabilities else None),
        )

    async def _read(self, taken: Taken) -> tuple[list[list[Any]], Taken]:
        rows, logged = taken.inputs, taken.inputs
        if self._served.lookup is not None:
            rows, logged = await self._served.lookup.fill(rows, taken.times)
        return self._served.reader.read(rows), Taken(taken.rows, logged, taken.times, taken.refused)

    async def _wrong(self, taken: Taken) -> list[Refusal]:
        """Those that fail alone, found by halves."""
        try:
            await self._read(taken)
        except Problem as problem:
            if problem.status != _UNPROCESSABLE:
                raise BackendError(problem.detail, hint=_LATER) from None
            if len(taken.rows) == 1:
                return [Refusal(taken.rows[0], flaw.column, flaw.message) for flaw in problem.flaws[:1]]
            middle = len(taken.rows) // 2
            return [*await self._wrong(taken.part(0, middle)), *await self._wrong(taken.part(middle, None))]
        return []

    async def _ask(self, columns: list[list[Any]], rows: range) -> list[tuple[Any, Any]]:
        """For each row what the model says, and its probabilities; or the column and a text where it does not."""
        try:
            answers = await self._served.batcher.submit([values[rows.start : rows.stop] for values in columns])
        except ModelError as error:
            if len(rows) == 1:
                return [self._failure(columns, rows.start, error.__cause__)]
            middle = (rows.start + rows.stop) // 2
            return [
                *await self._ask(columns, range(rows.start, middle)),
                *await self._ask(columns, range(middle, rows.stop)),
            ]
        probabilities: Sequence[Any] = answers.probabilities or [None] * len(rows)
        said: list[tuple[Any, Any]] = list(zip(answers.predictions, probabilities, strict=True))
        for row in answers.bad:
            said[row] = (None, "the model gave no finite number")
        return said

    def _failure(self, columns: list[list[Any]], row: int, cause: BaseException | None) -> tuple[str | None, str]:
        flaws = unseen(self._served.version.signature.columns, [[values[row]] for values in columns])
        if flaws:
            return flaws[0].column, flaws[0].message
        return None, f"the model failed: {type(cause).__name__}: {cause}"


def _refused(taken: Taken, given: list[Values], read: Callable[[Any], Any]) -> list[Refusal]:
    """Those that fail alone, where not all of them can be read."""
    try:
        if given:
            read(given)
    except Problem:
        pass
    else:
        return []
    found = []
    for row, values in zip(taken.rows, given, strict=True):
        try:
            read([values])
        except Problem as problem:
            found += [Refusal(row, flaw.column, flaw.message) for flaw in problem.flaws[:1]]
    return found
