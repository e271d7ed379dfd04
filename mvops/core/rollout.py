"""A rollout: how far a challenger has come on its way to the traffic."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from mvops.core.frozen import Frozen

RolloutStatus = Literal["running", "done", "aborted"]


class RolloutState(Frozen):
    """`step` counts into `shares` (percent for the challenger); `step_started` is when it got that share.

    A share of 0 is the shadow: the challenger answers what the champion answered, and nobody gets its answers.
    """

    id: int
    model: str
    champion: int
    challenger: int
    shares: tuple[int, ...]
    step: int
    status: RolloutStatus
    reason: str
    started: datetime
    step_started: datetime
    finished: datetime | None = None

    @property
    def share(self) -> int:
        """The challenger's, in percent."""
        return self.shares[self.step]

    @property
    def words(self) -> str:
        """Where the challenger stands."""
        return stage(self.share)


def stage(share: int) -> str:
    """What a challenger with this share in percent is."""
    return f"canary at {share} %" if share else "shadow"


def rolling(challenger: int, share: int) -> str:
    """The rollout of a version, as the subject of a sentence."""
    return f"the canary of version {challenger}, at {share} %," if share else f"the shadow of version {challenger}"


def has(challenger: int, share: int, of: str = " of the traffic") -> str:
    """What a version gets now."""
    return f"version {challenger} has {share} %{of}" if share else f"version {challenger} answers in the shadow"
