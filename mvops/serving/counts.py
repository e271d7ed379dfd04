"""What each arm did since the route was adopted: the numbers by which a rollout is judged."""

from __future__ import annotations

import math
from collections import Counter

from mvops.core.frozen import Frozen
from mvops.core.route import ArmName, Route

_LOW, _STEP = 0.01, math.log(1.02)  # of the latency histogram: its first edge in ms, and how much each bin is wider


class ArmCounts(Frozen):
    """One arm. `requests` reached the model, `errors` of them it did not answer; latencies are None without answers."""

    arm: ArmName
    version: int
    requests: int
    errors: int
    rows: int  # predicted
    latency_p50_ms: float | None
    latency_p99_ms: float | None


class RolloutCounts(Frozen):
    """All arms since the route with this serial was adopted by this process."""

    serial: int
    arms: tuple[ArmCounts, ...]


class ArmTally:
    """Counts one arm. Latencies are kept in bins that are 2 % wide, so that memory does not grow with traffic."""

    def __init__(self, arm: ArmName, version: int) -> None:
        self._arm = arm
        self._version = version
        self._errors = 0
        self._rows = 0
        self._bins: Counter[int] = Counter()

    def answered(self, rows: int, latency_ms: float) -> None:
        """Count a request that the model answered."""
        self._rows += rows
        self._bins[max(0, int(math.log(max(latency_ms, _LOW) / _LOW) / _STEP))] += 1

    def failed(self) -> None:
        """Count a request that the model did not answer."""
        self._errors += 1

    def counts(self) -> ArmCounts:
        """The numbers now."""
        answered = self._bins.total()
        return ArmCounts(
            arm=self._arm,
            version=self._version,
            requests=answered + self._errors,
            errors=self._errors,
            rows=self._rows,
            latency_p50_ms=self._quantile(0.5, answered),
            latency_p99_ms=self._quantile(0.99, answered),
        )

    def _quantile(self, share: float, answered: int) -> float | None:
        rank = math.ceil(share * answered)
        for edge in sorted(self._bins):
            rank -= self._bins[edge]
            if rank <= 0:
                return round(_LOW * math.exp(_STEP * (edge + 0.5)), 3)
        return None


class Tally:
    """Counts all arms; begins anew with each serial. To be used from one thread."""

    def __init__(self) -> None:
        self._serial = -1
        self._arms: dict[ArmName, ArmTally] = {}

    def follow(self, route: Route) -> None:
        """Begin anew if this route is another."""
        if route.serial != self._serial:
            self._serial = route.serial
            self._arms = {arm.arm: ArmTally(arm.arm, arm.version) for arm in route.arms}

    def of(self, arm: ArmName) -> ArmTally:
        """The counter of an arm of the route that is followed."""
        return self._arms[arm]

    def counts(self) -> RolloutCounts:
        """The numbers now."""
        return RolloutCounts(serial=self._serial, arms=tuple(arm.counts() for arm in self._arms.values()))
