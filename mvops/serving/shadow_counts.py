"""What a version did in the shadow, and how far its answers were from those that were given."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from mvops.core.frozen import Frozen
from mvops.serving.answers import Answers
from mvops.serving.latencies import Latencies
from mvops.serving.spread import Spread

_SMALLEST, _STEP = 1e-9, math.log(1.05)  # of the histogram of differences: its first edge, how much wider each bin is


class ShadowCounts(Frozen):
    """The shadow since the route was adopted. `requests` were asked, `errors` of them not answered.

    `dropped` requests were not asked, as too many waited. Of `rows` that both answered, `disagreement` is the share
    with another class (None for a regression); differences are absolute, of values, or of the probability of the class
    that was given. `trouble` is why it cannot be asked now.
    """

    version: int
    requests: int
    errors: int
    dropped: int
    rows: int
    latency_p50_ms: float | None
    latency_p99_ms: float | None
    disagreement: float | None
    mean_difference: float | None
    difference_p50: float | None
    difference_p99: float | None
    trouble: str | None = None
    predicted: tuple[float, ...] = ()


class ShadowTally:
    """Counts for one version. Differences are kept in bins, so that memory does not grow with traffic."""

    def __init__(self, version: int) -> None:
        self.version = version
        self.trouble: str | None = None
        self._latencies = Latencies()
        self.spread = Spread()
        self._sums: Counter[str] = Counter()
        self._bins: Counter[int] = Counter()

    def dropped(self) -> None:
        """Count a request that was not asked."""
        self._sums["dropped"] += 1

    def failed(self) -> None:
        """Count a request that was not answered."""
        self._sums["errors"] += 1

    def answered(self, ours: Answers, given: Answers, latency_ms: float, *, classes: Sequence[Any]) -> None:
        """Count a request that both answered; `classes` are the shadow's, empty for a regression."""
        self._latencies.add(latency_ms)
        self._sums["rows"] += len(ours.predictions)
        if classes:
            self._sums["differing"] += sum(
                one != other for one, other in zip(ours.predictions, given.predictions, strict=True)
            )
        for difference in differences(ours, given, classes):
            self._sums["compared"] += 1
            self._sums["difference"] += difference  # type: ignore[assignment]
            self._bins[-1 if difference < _SMALLEST else int(math.log(difference / _SMALLEST) / _STEP)] += 1

    def export(self) -> dict[str, Any]:
        """What `add` of another process understands."""
        return {
            "version": self.version,
            "trouble": self.trouble,
            "latencies": self._latencies.export(),
            "sums": dict(self._sums),
            "bins": list(self._bins.copy().items()),
            "spread": self.spread.export(),
        }

    def add(self, exported: dict[str, Any]) -> None:
        """Count what another process has counted."""
        self.trouble = self.trouble or exported["trouble"]
        self._latencies.merge(exported["latencies"])
        self._sums.update(exported["sums"])
        self._bins.update(dict(exported["bins"]))
        self.spread.add(exported["spread"])

    def counts(self) -> ShadowCounts:
        """The numbers now."""
        sums, answered = self._sums, self._latencies.total
        classifies = "differing" in sums
        return ShadowCounts(
            version=self.version,
            requests=answered + sums["errors"],
            errors=sums["errors"],
            dropped=sums["dropped"],
            rows=sums["rows"],
            latency_p50_ms=self._latencies.quantile(0.5),
            latency_p99_ms=self._latencies.quantile(0.99),
            disagreement=sums["differing"] / sums["rows"] if classifies and sums["rows"] else None,
            mean_difference=sums["difference"] / sums["compared"] if sums["compared"] else None,
            difference_p50=self._difference(0.5),
            difference_p99=self._difference(0.99),
            trouble=self.trouble,
            predicted=self.spread.told(),
        )

    def _difference(self, share: float) -> float | None:
        rank = math.ceil(share * self._bins.total())
        for edge in sorted(self._bins):
            rank -= self._bins[edge]
            if rank <= 0:
                return 0.0 if edge < 0 else float(f"{_SMALLEST * math.exp(_STEP * (edge + 0.5)):.3g}")
        return None


def differences(ours: Answers, given: Answers, classes: Sequence[Any]) -> list[float]:
    """Between values; of classes, between what both say of the class that was given, where both tell probabilities."""
    if not classes:
        return [abs(one - other) for one, other in zip(ours.predictions, given.predictions, strict=True)]
    if ours.probabilities is None or given.probabilities is None:
        return []
    places = {value: place for place, value in enumerate(classes)}
    rows = zip(given.predictions, ours.probabilities, given.probabilities, strict=True)
    return [abs(one[places[value]] - max(other)) if value in places else 1.0 for value, one, other in rows]
