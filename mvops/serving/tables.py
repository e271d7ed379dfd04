"""Turns a request's columns into the table of numbers that a model's last step wants, without pandas.

What is done to a column is data, read off a fitted pipeline by `compiling/columns.py`: the same operations on the same
doubles, in the same order, so that the same bits come out. A row with a value for which that cannot be promised is
called odd; whoever asks has to have it answered by the estimator itself.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np

from mvops.core.frozen import Frozen

Array = np.ndarray[Any, Any]
Operation = Literal["fill", "subtract", "divide", "multiply", "add", "clip"]
Operations = tuple[tuple[Operation, tuple[float, ...]], ...]
Given = Sequence[Sequence[Any]]  # a request's columns
Put = Callable[[Given, Array, set[int]], None]
Spot = tuple[int, float]
NOWHERE: Spot = (-1, 0.0)
_EXACT = 2**53  # integers above it are not all doubles
_ODD = 0  # the spot of what makes a row odd


class Numbers(Frozen):
    """Columns of numbers that go through the same operations.

    `sources` are places in the signature, `first` is where they begin in the table; `operations` are done in their
    order, each with a number for every column (`clip` first has all the lowest, then all the highest). `whole` are the
    sources which the model gets as 64-bit integers.
    """

    sources: tuple[int, ...]
    first: int
    operations: Operations = ()
    whole: tuple[int, ...] = ()


class Choice(Frozen):
    """A column of categories. Each has a spot: a place in the table, and the number that is put there.

    `null` and `unknown` are the spots of null and of any category that is not here; without one, the row is odd.
    """

    source: int
    categories: tuple[bool | int | str, ...]
    spots: tuple[Spot, ...]
    null: Spot | None = None
    unknown: Spot | None = None


class Table(Frozen):
    """How to make the table. It has a column more than `width`, where what has no place goes: no model looks at it.

    `empty` is a row before anything is put into it.
    """

    width: int
    empty: tuple[float, ...]
    numbers: tuple[Numbers, ...] = ()
    choices: tuple[Choice, ...] = ()

    def make(self, columns: Given, rows: int) -> tuple[Array, set[int]]:
        """The table, and the odd rows, whose numbers mean nothing."""
        odd: set[int] = set()
        table = np.empty((rows, self.width + 1))
        table[:] = self._empty
        for put in self._puts:
            put(columns, table, odd)
        if self.choices:
            self._choose(columns, table, odd)
        return table, odd

    @cached_property
    def _empty(self) -> Array:
        return np.array([*self.empty, 0.0])

    @cached_property
    def _puts(self) -> list[Put]:
        return [_put(numbers) for numbers in self.numbers]

    @cached_property
    def _spots(self) -> tuple[Array, Array, list[tuple[int, dict[Any, int], int]]]:
        """The places and the numbers of all spots; for each choice its source, its categories' spots, the unknown's."""
        spots: list[Spot] = [NOWHERE]
        lookups = []
        for choice in self.choices:
            given = dict(zip(choice.categories, choice.spots, strict=True)) | {None: choice.null}
            lookup = {value: len(spots) + at if spot else _ODD for at, (value, spot) in enumerate(given.items())}
            spots += [spot or NOWHERE for spot in given.values()]
            lookups.append((choice.source, lookup, len(spots) if choice.unknown else _ODD))
            spots.append(choice.unknown or NOWHERE)
        places, numbers = zip(*spots, strict=True)
        return np.array(places), np.array(numbers, dtype=np.float64), lookups

    def _choose(self, columns: Given, table: Array, odd: set[int]) -> None:
        places, numbers, lookups = self._spots
        chosen = []
        for source, lookup, unknown in lookups:
            found = [lookup.get(value, unknown) for value in columns[source]]
            if _ODD in found:
                odd.update(row for row, spot in enumerate(found) if spot == _ODD)
            chosen.append(found)
        spots = np.array(chosen)
        table[np.arange(len(table)), places[spots]] = numbers[spots]


def _put(numbers: Numbers) -> Put:
    many = len(numbers.sources) > 1
    take = operator.itemgetter(*numbers.sources)
    where = slice(numbers.first, numbers.first + len(numbers.sources))
    operations = [(name, np.array(argument)) for name, argument in numbers.operations]

    def put(columns: Given, table: Array, odd: set[int]) -> None:
        values = np.array(take(columns) if many else [take(columns)], dtype=np.float64).T  # None becomes NaN
        for source in numbers.whole:
            given = [0 if value is None else value for value in columns[source]]
            if max(given) > _EXACT or min(given) < -_EXACT:
                odd.update(row for row, value in enumerate(given) if abs(value) > _EXACT)
        table[:, where] = after(values, operations)

    return put


def after(values: Array, operations: Iterable[tuple[Operation, Any]]) -> Array:
    """The values after these operations, done as scikit-learn's scalers and imputers do them."""
    for name, argument in operations:
        values = _DONE[name](values, np.asarray(argument))
    return values


_DONE: dict[Operation, Callable[[Array, Array], Array]] = {
    "subtract": np.subtract,
    "divide": np.divide,
    "multiply": np.multiply,
    "add": np.add,
    "fill": lambda values, argument: np.where(np.isnan(values), argument, values),
    "clip": lambda values, argument: np.clip(values, *np.split(argument, 2)),
}
