"""Latencies in bins that are 2 % wide, so that memory does not grow with traffic."""

from __future__ import annotations

import math
from collections import Counter

_LOW, _STEP = 0.01, math.log(1.02)  # the first edge in ms, and how much each bin is wider


class Latencies:
    """A histogram. One thread adds, any may read."""

    def __init__(self) -> None:
        self._bins: Counter[int] = Counter()

    def add(self, latency_ms: float) -> None:
        """Count one."""
        self._bins[max(0, int(math.log(max(latency_ms, _LOW) / _LOW) / _STEP))] += 1

    def export(self) -> list[tuple[int, int]]:
        """What `merge` of another process understands."""
        return list(self._bins.copy().items())

    def merge(self, exported: list[tuple[int, int]]) -> None:
        """Count what another process has counted."""
        self._bins.update(dict(exported))

    @property
    def total(self) -> int:
        """How many were counted."""
        return self._bins.total()

    def quantile(self, share: float) -> float | None:
        """In milliseconds; None before the first."""
        rank = math.ceil(share * self.total)
        for edge in sorted(self._bins):
            rank -= self._bins[edge]
            if rank <= 0:
                return round(_LOW * math.exp(_STEP * (edge + 0.5)), 3)
        return None
