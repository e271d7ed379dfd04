"""A rollout: how far a challenger has come on its way to the traffic."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from mvops.core.frozen import Frozen

RolloutStatus = Literal["running", "done", "aborted"]


class RolloutState(Frozen):
    """`step` counts into `shares` (percent for the challenger); `step_started` is when it got that share."""

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
