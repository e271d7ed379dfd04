"""Columns of a table, as far as the code says in so many words which they are."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Held:
    """Columns of the table `base`: all, or `only` these, without some. `one` is a single column, by name or place.

    `part` is a slice by place of all columns. With `numbers`, of all these only the columns of numbers. `plain` is one
    column as it stands in the table. `where` is the place that says so.
    """

    base: int
    only: frozenset[str] | None = None
    without: frozenset[str] = frozenset()
    one: str | int | None = None
    part: tuple[int | None, int | None] | None = None
    numbers: bool = False
    plain: bool = True
    where: tuple[int, int] = (0, 0)  # position of the cell, line

    @property
    def single(self) -> str | int | None:
        """The one column that this is, as `df["y"]` or `df[["y"]]`."""
        return min(self.only) if self.one is None and self.only is not None and len(self.only) == 1 else self.one

    @property
    def whole(self) -> bool:
        """All columns of the table."""
        return self.one is None and self.part is None and self.only is None and not self.without and not self.numbers

    def has(self, column: str | int) -> bool:
        """Surely holds this column of its table."""
        if self.one is not None or self.numbers:
            return False
        if isinstance(column, int):
            whole = self.only is None and not self.without
            return _inside(column, self.part) if self.part is not None else whole
        return self.part is None and column not in self.without and (self.only is None or column in self.only)


def _inside(place: int, part: tuple[int | None, int | None]) -> bool:
    """Is the place surely in the slice; places from the end compare with such only."""
    start, end = part
    if place < 0:
        return (start is None or start >= 0 or start <= place) and (end is None or (end < 0 and place < end))
    return (start is None or 0 <= start <= place) and (end is None or (end >= 0 and place < end))
