"""What each arm did since the route was adopted: the numbers by which a rollout is judged."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mvops.core.frozen import Frozen
from mvops.core.route import ArmName, Route
from mvops.serving.latencies import Latencies
from mvops.serving.shadow_counts import ShadowCounts, ShadowTally
from mvops.serving.spread import Spread


class ArmCounts(Frozen):
    """One arm. `requests` reached the model, `errors` of them it did not answer; latencies are None without answers.

    `predicted` is how its answers are spread over the champion's bins, while another version answers too.
    """

    arm: ArmName
    version: int
    requests: int
    errors: int
    rows: int  # predicted
    latency_p50_ms: float | None
    latency_p99_ms: float | None
    predicted: tuple[float, ...] = ()


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
    shadow: ShadowCounts | None = None


class ArmTally:
    """Counts one arm."""

    def __init__(self, arm: ArmName, version: int) -> None:
        self.arm = arm
        self.version = version
        self._errors = 0
        self._rows = 0
        self._latencies = Latencies()
        self.spread = Spread()

    def answered(self, rows: int, latency_ms: float) -> None:
        """Count a request that the model answered."""
        self._rows += rows
        self._latencies.add(latency_ms)

    def failed(self) -> None:
        """Count a request that the model did not answer."""
        self._errors += 1

    def export(self) -> dict[str, Any]:
        """What `add` of another process understands."""
        bins = self._latencies.export()
        told = {"arm": self.arm, "version": self.version, "errors": self._errors, "rows": self._rows, "bins": bins}
        return told | {"spread": self.spread.export()}

    def add(self, exported: dict[str, Any]) -> None:
        """Count what another process has counted."""
        self._errors += exported["errors"]
        self._rows += exported["rows"]
        self._latencies.merge(exported["bins"])
        if "spread" in exported:  # an endpoint of an earlier version, beside this one, does without
            self.spread.add(exported["spread"])

    def counts(self) -> ArmCounts:
        """The numbers now."""
        answered = self._latencies.total
        return ArmCounts(
            arm=self.arm,
            version=self.version,
            requests=answered + self._errors,
            errors=self._errors,
            rows=self._rows,
            latency_p50_ms=self._latencies.quantile(0.5),
            latency_p99_ms=self._latencies.quantile(0.99),
            predicted=self.spread.told(),
        )


class Tally:
    """Counts all arms; begins anew with each serial. Only one thread counts an arm; any may export."""

    def __init__(self) -> None:
        self._now: tuple[int, dict[ArmName, ArmTally], ShadowTally | None] = (-1, {}, None)  # swapped as one

    def follow(self, route: Route) -> None:
        """Begin anew if this route is another."""
        if route.serial != self._now[0]:
            arms = {arm.arm: ArmTally(arm.arm, arm.version) for arm in route.arms}
            self._now = route.serial, arms, ShadowTally(route.shadow.version) if route.shadow else None

    def of(self, arm: ArmName) -> ArmTally:
        """The counter of an arm of the route that is followed."""
        return self._now[1][arm]

    @property
    def shadow(self) -> ShadowTally | None:
        """The counter of the route's shadow."""
        return self._now[2]

    def export(self) -> dict[str, Any]:
        """What the `counts` of another process understand."""
        serial, arms, shadow = self._now
        return {
            "serial": serial,
            "arms": [arm.export() for arm in arms.values()],
            "shadow": shadow.export() if shadow else None,
        }

    def counts(self, others: Iterable[dict[str, Any]] = ()) -> RolloutCounts:
        """The numbers now, with those that other processes exported under the same serial."""
        own = self.export()
        sums = {(arm["arm"], arm["version"]): ArmTally(arm["arm"], arm["version"]) for arm in own["arms"]}
        shadow = ShadowTally(own["shadow"]["version"]) if own["shadow"] else None
        for exported in (own, *others):
            if exported["serial"] != own["serial"]:
                continue
            for arm in exported["arms"]:
                if (arm["arm"], arm["version"]) in sums:
                    sums[arm["arm"], arm["version"]].add(arm)
            if shadow and exported.get("shadow"):
                shadow.add(exported["shadow"])
        arms = tuple(arm.counts() for arm in sums.values())
        return RolloutCounts(serial=own["serial"], arms=arms, shadow=shadow.counts() if shadow else None)
