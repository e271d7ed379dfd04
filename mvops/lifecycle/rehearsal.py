"""How a challenger answers rows that were asked before, beside what was given. Pure, in bounded memory.

A row's difference is 0 or 1 for classes, absolute for values. Its loss is what the outcome makes of an answer: 0 or 1
for a class, the absolute error for a value.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mvops.core.frozen import Frozen
from mvops.core.signature import Column, Signature

_MOST_VALUES = 50  # of a column that are told apart
_BANDS = 4  # of equal width, between the lowest and the highest value of a column in training
_FEWEST = 20  # rows of a segment that is told
_TOLD = 3  # segments
_OTHER = "(other values)"
_Z = 1.96  # 95 %


class Segment(Frozen):
    """Rows with something in common, on which the two disagree more than elsewhere."""

    column: str
    values: str
    rows: int
    disagreement: float


class Quality(Frozen):
    """The mean loss of both on rows whose outcome is known; the difference (challenger minus given) has 95 %."""

    rows: int
    given: float
    challenger: float
    difference: float
    low: float | None
    high: float | None


class Disagreement(Frozen):
    """`share` is what a bound is about: rows with another class, or the mean difference over the mean size given."""

    rows: int
    share: float
    mean: float
    largest: float
    bias: float  # challenger minus given, on average; 0 for classes
    segments: tuple[Segment, ...]
    quality: Quality | None


@dataclass
class _Sums:
    rows: int = 0
    total: float = 0.0
    squares: float = 0.0

    def add(self, value: float) -> None:
        self.rows += 1
        self.total += value
        self.squares += value * value

    @property
    def mean(self) -> float:
        return self.total / max(1, self.rows)

    @property
    def spread(self) -> float:
        """The standard deviation."""
        return math.sqrt(max(0.0, self.squares / max(1, self.rows) - self.mean**2))


@dataclass
class Rehearsal:
    """Give it every row; `found` says how they compare."""

    signature: Signature
    _differences: _Sums = field(default_factory=_Sums)
    _bias: _Sums = field(default_factory=_Sums)
    _size: _Sums = field(default_factory=_Sums)
    _largest: float = 0.0
    _segments: dict[str, dict[str, _Sums]] = field(default_factory=dict)
    _given: _Sums = field(default_factory=_Sums)
    _ours: _Sums = field(default_factory=_Sums)
    _between: _Sums = field(default_factory=_Sums)

    def add(self, row: Mapping[str, Any], ours: Any, given: Any, outcome: Any = None) -> None:
        """One row: what was asked, what the challenger says, what was given, and what really happened, if known."""
        difference = self._loss(ours, given)
        self._differences.add(difference)
        self._largest = max(self._largest, difference)
        if self.signature.task != "classification":
            self._bias.add(ours - given)
            self._size.add(abs(given))
        for column in self.signature.columns:
            self._segment(column, row.get(column.name), difference)
        if outcome is not None:
            losses = self._loss(ours, outcome), self._loss(given, outcome)
            self._ours.add(losses[0])
            self._given.add(losses[1])
            self._between.add(losses[0] - losses[1])

    def found(self) -> Disagreement:
        """What there is to say until now."""
        mean = self._differences.mean
        classifies = self.signature.task == "classification"
        return Disagreement(
            rows=self._differences.rows,
            share=mean if classifies else mean / self._size.mean if self._size.mean else float(mean > 0),
            mean=mean,
            largest=self._largest,
            bias=self._bias.mean,
            segments=tuple(self._worst()),
            quality=self._quality(),
        )

    def _loss(self, one: Any, other: Any) -> float:
        return float(one != other) if self.signature.task == "classification" else abs(float(one) - float(other))

    def _segment(self, column: Column, value: Any, difference: float) -> None:
        found = self._segments.setdefault(column.name, {})
        name = _band(column, value)
        found.setdefault(name if name in found or len(found) < _MOST_VALUES else _OTHER, _Sums()).add(difference)

    def _worst(self) -> Iterator[Segment]:
        whole = self._differences
        odds: list[tuple[float, Segment]] = []
        for column, values in self._segments.items():
            for name, sums in values.items():
                if name != _OTHER and _FEWEST <= sums.rows < whole.rows and whole.spread:
                    above = (sums.mean - whole.mean) / (whole.spread / math.sqrt(sums.rows))
                    told = Segment(column=column, values=name, rows=sums.rows, disagreement=sums.mean)
                    odds.append((above, told))
        for above, segment in sorted(odds, key=lambda one: -one[0])[:_TOLD]:
            if above > _Z:
                yield segment

    def _quality(self) -> Quality | None:
        rows, difference = self._between.rows, self._between.mean
        if not rows:
            return None
        reach = _Z * self._between.spread / math.sqrt(rows) if rows >= _FEWEST else None
        return Quality(
            rows=rows,
            given=self._given.mean,
            challenger=self._ours.mean,
            difference=difference,
            low=None if reach is None else difference - reach,
            high=None if reach is None else difference + reach,
        )


def _band(column: Column, value: Any) -> str:
    if value is None:
        return "(none)"
    if column.kind in {"number", "integer"} and column.low is not None and column.high is not None:
        width = (column.high - column.low) / _BANDS
        if not width or not isinstance(value, (int, float)):
            return str(value)
        place = min(_BANDS - 1, max(0, int((value - column.low) / width)))
        return f"{column.low + place * width:.4g} to {column.low + (place + 1) * width:.4g}"
    return str(value)[:64] if column.kind in {"category", "boolean"} else "(all)"
