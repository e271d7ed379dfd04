"""How usual it is for a block to bring something that was not there before: values out of range, unseen categories.

Each block is held against seven others, spread evenly over the baseline. Against *all* others only the one or two most
extreme blocks would stand out, and two numbers do not make a distribution; seven are a smaller reference than the
baseline, so what they teach about new extremes errs on the side of silence.
"""

from __future__ import annotations

import numpy as np

from mvops.monitoring.blocks import Blocks
from mvops.monitoring.columns import Coded, Floats, Ints
from mvops.monitoring.tallies import Tally

_OTHERS = 7


def outside(column: Floats, parts: Tally, blocks: Blocks) -> Ints:
    """Rows of each block outside the range of its reference blocks; `parts` is the column tallied by block."""
    count = len(blocks.index)
    if count < 2:
        return np.zeros(count, np.int64)
    others = _others(count)
    low = np.fmin.reduce(parts.low[others], axis=1)
    high = np.fmax.reduce(parts.high[others], axis=1)
    used = blocks.groups >= 0
    values, groups = column[used], blocks.groups[used]
    return np.bincount(groups[(values < low[groups]) | (values > high[groups])], minlength=count)


def unseen(column: Coded, blocks: Blocks) -> Ints:
    """Rows of each block whose category none of its reference blocks has."""
    count = len(blocks.index)
    if count < 2:
        return np.zeros(count, np.int64)
    used = (blocks.groups >= 0) & (column.codes >= 0)
    size = max(len(column.labels), 1)
    cells, rows = np.unique(blocks.groups[used] * size + column.codes[used], return_counts=True)
    block, category = cells // size, cells % size
    known = np.zeros(len(cells), bool)
    for other in _others(count).T:
        known |= np.isin(other[block] * size + category, cells)
    return np.bincount(block[~known], weights=rows[~known], minlength=count).astype(np.int64)


def _others(count: int) -> Ints:
    """(blocks, up to seven): the places of each block's reference."""
    steps = min(_OTHERS, count - 1)
    offsets = np.unique(np.arange(1, steps + 1) * count // (steps + 1)).clip(min=1)
    others: Ints = (np.arange(count)[:, None] + offsets[None, :]) % count
    return others
