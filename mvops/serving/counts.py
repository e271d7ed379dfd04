"""What each arm did since the route was adopted: the numbers by which a rollout is judged."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

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


class Place(Frozen):
    """The folder that an endpoint is told its route in: by its path, and as the disk numbers it, in containers too."""

    folder: str
    number: str

    def is_same(self, other: Place) -> bool:
        """Is this one endpoint's."""
        return self.folder == other.folder or self.number == other.number


class RolloutCounts(Frozen):
    """All arms since the route with this serial was adopted, in all processes that serve the model here.

    `place` tells endpoints apart; one that an older mvops runs says nothing of it.
    """

    serial: int
    arms: tuple[ArmCounts, ...]
    place: Place | None = None


class ArmTally:
    """Counts one arm. Latencies are kept in bins that are 2 % wide, so that memory does not grow with traffic."""

    def __init__(self, arm: ArmName, version: int) -> None:
        self.arm = arm
        self.version = version
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

    def export(self) -> dict[str, Any]:
        """What `add` of another process understands."""
        bins = list(self._bins.copy().items())
        return {"arm": self.arm, "version": self.version, "errors": self._errors, "rows": self._rows, "bins": bins}

    def add(self, exported: dict[str, Any]) -> None:
        """Count what another process has counted."""
        self._errors += exported["errors"]
        self._rows += exported["rows"]
        self._bins.update(dict(exported["bins"]))

    def counts(self) -> ArmCounts:
        """The numbers now."""
        answered = self._bins.total()
        return ArmCounts(
            arm=self.arm,
            version=self.version,
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
    """Counts all arms; begins anew with each serial. Only one thread counts; any may export."""

    def __init__(self) -> None:
        self._now: tuple[int, dict[ArmName, ArmTally]] = (-1, {})  # serial and arms, swapped as one

    def follow(self, route: Route) -> None:
        """Begin anew if this route is another."""
        if route.serial != self._now[0]:
            self._now = route.serial, {arm.arm: ArmTally(arm.arm, arm.version) for arm in route.arms}

    def of(self, arm: ArmName) -> ArmTally:
        """The counter of an arm of the route that is followed."""
        return self._now[1][arm]

    def export(self) -> dict[str, Any]:
        """What the `counts` of another process understand."""
        serial, arms = self._now
        return {"serial": serial, "arms": [arm.export() for arm in arms.values()]}

    def counts(self, others: Iterable[dict[str, Any]] = ()) -> RolloutCounts:
        """The numbers now, with those that other processes exported under the same serial."""
        own = self.export()
        sums = {(arm["arm"], arm["version"]): ArmTally(arm["arm"], arm["version"]) for arm in own["arms"]}
        for exported in (own, *others):
            for arm in exported["arms"] if exported["serial"] == own["serial"] else ():
                if (arm["arm"], arm["version"]) in sums:
                    sums[arm["arm"], arm["version"]].add(arm)
        return RolloutCounts(serial=own["serial"], arms=tuple(arm.counts() for arm in sums.values()))
