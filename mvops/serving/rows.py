"""Reads rows as a version's signature says: every value checked, nothing guessed, columns out.

A value is refused, never converted: `true` and `"1"` are not numbers. Two things are let in: an integer where a number
is wanted, and 3.0 where an integer is. A category that was not seen in training is let in too: the monitor counts it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mvops.core.signature import Column, ColumnKind
from mvops.serving.problems import Flaw, Problem

_EXACT = 2.0**53  # above, a float may stand for another integer: as the decoder takes integers of more than 64 bits
_MAX = sys.float_info.max
INT64 = range(-(2**63), 2**63)
_FIRST, _LAST = datetime(1678, 1, 1, tzinfo=UTC), datetime(2262, 1, 1, tzinfo=UTC)  # what datetime64[ns] can hold
_MAX_FLAWS = 100  # more are not looked for

Values = list[Any]


class _WrongError(ValueError):
    """A value is not what its column wants; the message says what is."""


def _number(value: Any) -> Any:
    if type(value) not in {int, float} or not -_MAX <= value <= _MAX:
        raise _WrongError("must be a finite number")
    return value


def _integer(value: Any) -> int:
    exact = type(value) is int or (type(value) is float and -_EXACT <= value <= _EXACT)
    if not exact or value != value // 1 or int(value) not in INT64:
        raise _WrongError("must be an integer of at most 64 bits")
    return int(value)


def _boolean(value: Any) -> bool:
    if type(value) is not bool:
        raise _WrongError("must be true or false")
    return value


def _text(value: Any) -> str:
    if type(value) is not str:
        raise _WrongError("must be a text")
    if "\0" in value:  # PostgreSQL cannot store it
        raise _WrongError("must not contain the character U+0000")
    return value


def read_time(value: Any) -> datetime:
    """An ISO 8601 time as an aware datetime in UTC; without a zone it is taken as UTC. Raises ValueError."""
    try:
        time = datetime.fromisoformat(value)
        time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise _WrongError("must be a time in ISO 8601, such as 2026-01-31T12:00:00Z") from None
    if not _FIRST <= time < _LAST:
        raise _WrongError("must be a time between the years 1678 and 2262")
    return time


_READERS: dict[ColumnKind, Callable[[Any], Any]] = {
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
    "category": _text,
    "text": _text,
    "datetime": read_time,
}


def _plain(kind: ColumnKind, values: Values) -> bool:
    """Whether a whole column is as it should be already, at the speed of C."""
    types = set(map(type, values))
    if kind == "number":
        return types <= {int, float} and min(values) >= -_MAX and max(values) <= _MAX
    if kind == "integer":
        return types == {int} and min(values) >= INT64.start and max(values) < INT64.stop
    if kind == "boolean":
        return types == {bool}
    return kind != "datetime" and types == {str} and not any("\0" in value for value in values)


@dataclass(frozen=True)
class RowReader:
    """Turns rows into columns, in the order of the signature."""

    columns: tuple[Column, ...]
    max_rows: int

    def read(self, rows: Any) -> list[Values]:
        """One list of values for each column; times as aware datetimes, null as None. Raises Problem (422)."""
        if type(rows) is not list or not rows:
            raise Problem(422, '"rows" must be a list with at least one row')
        if len(rows) > self.max_rows:
            raise Problem(422, f"{len(rows)} rows are too many: at most {self.max_rows} in one request")
        width = len(self.columns)
        try:
            table = [[row[column.name] for row in rows] for column in self.columns]
        except (KeyError, TypeError):
            raise Problem.of_rows(self._misshapen(rows)) from None
        if any(len(row) != width for row in rows):
            raise Problem.of_rows(self._misshapen(rows))
        flaws: list[Flaw] = []
        found = [
            values if _plain(column.kind, values) else _one_by_one(column, values, flaws)
            for column, values in zip(self.columns, table, strict=True)
        ]
        if flaws:
            raise Problem.of_rows(sorted(flaws, key=lambda flaw: flaw.row))
        return found

    def shaped(self, rows: Any) -> bool:
        """Whether these are rows at all, and not too many; what is wrong with them otherwise, `read` says."""
        return type(rows) is list and 0 < len(rows) <= self.max_rows and all(type(row) is dict for row in rows)

    def flawed(self, rows: Any) -> dict[int, Flaw]:
        """The first flaw of each row that cannot be read; nothing where these are no rows, or too many."""
        if type(rows) is not list or not 0 < len(rows) <= self.max_rows:
            return {}
        wanted = dict.fromkeys(column.name for column in self.columns)
        flaws = ((index, next(self._flaws(row, index, wanted), None)) for index, row in enumerate(rows))
        return {index: flaw for index, flaw in flaws if flaw is not None}

    def _flaws(self, row: Any, index: int, wanted: dict[str, None]) -> Iterator[Flaw]:
        shape = [*_shape_of(row, index, wanted)]
        yield from shape
        for column in () if shape else self.columns:
            found: list[Flaw] = []
            _one_by_one(column, [row[column.name]], found)
            yield from (flaw.model_copy(update={"row": index}) for flaw in found)

    def _misshapen(self, rows: Sequence[Any]) -> list[Flaw]:
        wanted = dict.fromkeys(column.name for column in self.columns)
        return _first(flaw for index, row in enumerate(rows) for flaw in _shape_of(row, index, wanted))


def _shape_of(row: Any, index: int, wanted: dict[str, None]) -> Iterable[Flaw]:
    if type(row) is not dict:
        yield Flaw(row=index, column=None, message="must be an object")
        return
    for name in (name for name in wanted if name not in row):
        yield Flaw(row=index, column=name, message="is missing")
    for name in sorted(row.keys() - wanted.keys()):
        yield Flaw(row=index, column=name, message="is not a column of this model")


def _first(flaws: Iterable[Flaw]) -> list[Flaw]:
    return [flaw for flaw, _ in zip(flaws, range(_MAX_FLAWS), strict=False)]


def _one_by_one(column: Column, values: Values, flaws: list[Flaw]) -> Values:
    """Read each value, adding to `flaws` what cannot be read."""
    read = _READERS[column.kind]
    found: Values = []
    for index, value in enumerate(values):
        if value is None and column.nullable:
            found.append(None)
            continue
        try:
            found.append(read(value))
        except _WrongError as error:
            message = "must not be null" if value is None else str(error)
            flaws.append(Flaw(row=index, column=column.name, message=message))
            if len(flaws) >= _MAX_FLAWS:
                break
    return found
