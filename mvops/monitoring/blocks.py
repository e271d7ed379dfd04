"""A baseline cut into blocks as long as a window: by time where rows have times, else in the order of the rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from mvops.monitoring.clock import HOURS_OF_WEEK, bucket_index, hours_between, hours_of_week, index_start
from mvops.monitoring.columns import Floats, Ints, Times
from mvops.monitoring.variation import FEWEST_BLOCKS

_FEWEST_ROWS = 10
_MOST_UNTIMED = 30
_MOST_BLOCKS = 5000
COMPLETE = 0.8  # the share of its usual hours that a window must have rows in


@dataclass(frozen=True)
class Blocks:
    """`groups` is each row's block, or -1; `index` the blocks' window numbers, rising (or 0, 1, ... when not timed)."""

    groups: Ints
    index: Ints
    timed: bool


def cut(count: int, times: Times | None, every: timedelta) -> Blocks:
    """Blocks of `every` by time.

    Windows that are cut off by the baseline's ends, or have too few rows, are left out. Without times, or with fewer
    than four blocks, contiguous blocks of equal size.
    """
    if times is not None:
        blocks = _by_time(times, every)
        if len(blocks.index) >= FEWEST_BLOCKS:
            return blocks
    number = min(_MOST_UNTIMED, count // (3 * _FEWEST_ROWS))
    if number < FEWEST_BLOCKS:
        return Blocks(np.full(count, -1, np.int64), np.zeros(0, np.int64), timed=False)
    return Blocks(np.arange(count) * number // count, np.arange(number), timed=False)


def hour_counts(times: Times | None) -> Ints:
    """Rows by hour of the week (168). Those of midnight sharp are left out: they may be dates without an hour."""
    if times is None:
        return np.zeros(HOURS_OF_WEEK, np.int64)
    known = times[~np.isnat(times)]
    known = known[known != known.astype("datetime64[D]")]
    return np.bincount(hours_of_week(known), minlength=HOURS_OF_WEEK)


def covered(usual: Ints, found: Ints, start: datetime, end: datetime) -> float:
    """The share of the hours in [start, end), weighted by their usual rows, in which rows were found.

    1 when nothing can be said because the hours are not comparable or rows are few.

    A window cut off in the middle of the day is not comparable with whole days when the day has a rhythm.
    """
    hours = hours_between(start, end)
    expected, seen = usual[hours].astype(np.float64), found[hours]
    if not expected.sum() or not seen.sum() or seen[expected > 0].sum() < COMPLETE * seen.sum():
        return 1.0
    expected /= expected.sum()
    silent = (seen == 0) & (expected * seen.sum() >= 5)
    return 1 - float(expected[silent].sum())


def _by_time(times: Times, every: timedelta) -> Blocks:
    known = ~np.isnat(times)
    numbers = bucket_index(times[known], every)
    index, groups, sizes = np.unique(numbers, return_inverse=True, return_counts=True)
    keep = sizes >= max(_FEWEST_ROWS, 0.1 * float(np.median(sizes))) if len(sizes) else np.zeros(0, bool)
    keep[: max(0, len(keep) - _MOST_BLOCKS)] = False
    usual = hour_counts(times)
    for end in {0, len(index) - 1} if len(index) > 2 else set():
        here = hour_counts(times[known][groups == end])
        start = index_start(int(index[end]), every)
        keep[end] &= covered(usual - here, here, start, start + every) >= COMPLETE
    place = np.where(keep, np.cumsum(keep) - 1, -1)
    every_row = np.full(len(times), -1, np.int64)
    every_row[known] = place[groups]
    return Blocks(every_row, index[keep].astype(np.int64), timed=True)


def rows_by_block(blocks: Blocks) -> Floats:
    """The number of rows in each block."""
    used = blocks.groups[blocks.groups >= 0]
    return np.bincount(used, minlength=len(blocks.index)).astype(np.float64)
