"""The columns that reach a model's last step, as a `Table`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from mvops.core.signature import Column
from mvops.serving.compiling.columns import Encoded, Given, Numeric, all_numeric, given_columns, in_order, through
from mvops.serving.tables import NOWHERE, Choice, Numbers, Operation, Operations, Spot, Table, after


def compile_table(before: Any, last: Any, columns: Sequence[Column]) -> Table:
    """The table that `last` gets from `before`, a fitted transformer or None. Raises NotCompiledError."""
    found = all_numeric(in_order(last, through(before, given_columns(columns))))
    empty = [0.0] * len(found)
    chosen: dict[Encoded, list[tuple[int, Numeric]]] = {}
    for place, item in enumerate(found):
        if isinstance(item.source, Encoded):
            empty[place] = _number(0.0, item.operations)
            chosen.setdefault(item.source, []).append((place, item))
    return Table(
        width=len(found),
        empty=tuple(empty),
        numbers=tuple(_blocks(found, columns)),
        choices=tuple(_choice(source, items) for source, items in chosen.items()),
    )


def _blocks(found: Sequence[Numeric], columns: Sequence[Column]) -> Iterable[Numbers]:
    """Columns of numbers that lie side by side and go through operations of the same names."""
    block: list[tuple[int, Numeric, Given]] = []
    names: list[Operation] = []
    for place, item in enumerate(found):
        if not isinstance(item.source, Given):
            continue
        own = [name for name, _ in item.operations]
        if block and (own != names or block[-1][0] != place - 1):
            yield _block(block, columns)
            block = []
        names = own
        block.append((place, item, item.source))
    if block:
        yield _block(block, columns)


def _block(block: Sequence[tuple[int, Numeric, Given]], columns: Sequence[Column]) -> Numbers:
    operations: list[Any] = []
    for at, (name, _) in enumerate(block[0][1].operations):
        arguments = [item.operations[at][1] for _, item, _ in block]
        operations.append((name, tuple(value for of_all in zip(*arguments, strict=True) for value in of_all)))
    sources = tuple(source.place for *_, source in block)
    return Numbers(
        sources=sources,
        first=block[0][0],
        operations=tuple(operations),
        whole=tuple(source for source in sources if columns[source].kind == "integer"),
    )


def _choice(source: Encoded, items: Sequence[tuple[int, Numeric]]) -> Choice:
    spots: list[Spot] = [NOWHERE] * len(source.categories)
    unknown: Spot = NOWHERE
    for place, item in items:
        if item.category is None:
            spots = [(place, _number(float(code), item.operations)) for code in range(len(spots))]
            unknown = (place, _number(source.unknown, item.operations))
        else:
            spots[item.category] = (place, _number(1.0, item.operations))
    other = unknown if source.lenient else None
    texts = [at for at, value in enumerate(source.categories) if isinstance(value, (str, int))]
    return Choice(
        source=source.place,
        categories=tuple(source.categories[at] for at in texts),
        spots=tuple(spots[at] for at in texts),
        null=other if source.missing is None else spots[source.missing],
        unknown=other,
    )


def _number(value: float, operations: Operations) -> float:
    return float(after(np.array([[value]]), operations)[0, 0])
