"""What was seen of both arms of a canary."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from mvops.core.alert import Alert
from mvops.core.frozen import Frozen

Count = Annotated[int, Field(ge=0)]


class Loss(Frozen):
    """What outcomes made of an arm's answers: how many there are, the mean of their losses, and the variance."""

    outcomes: Count
    mean: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    variance: Annotated[float, Field(ge=0, allow_inf_nan=False)]


class ArmEvidence(Frozen):
    """What one arm did. `requests` includes `errors`; `rows` were answered; `latency_p99` is in milliseconds.

    `predicted` is how its answers are spread over the bins of both arms.
    """

    requests: Count = 0
    errors: Count = 0
    rows: Count = 0
    latency_p99: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    predicted: tuple[float, ...] = ()
    loss: Loss | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.errors > self.requests:
            raise ValueError("an arm cannot have more errors than requests")
        return self


class Evidence(Frozen):
    """What was seen of both since the step began, or of the champion since the rollout began.

    The longer look at the champion is the better one: at 100 % it answers nothing any more, and then only the limit
    itself judges the challenger's errors and nothing its latency. `seconds_in_step` is from a clock that cannot be
    set, where the caller has one; without it the difference of now and the step's start is taken. `trouble` is why the
    challenger cannot be asked, as a sentence.
    """

    champion: ArmEvidence = ArmEvidence()
    challenger: ArmEvidence = ArmEvidence()
    alerts: tuple[Alert, ...] = ()
    trouble: str = ""
    seconds_in_step: Annotated[float, Field(allow_inf_nan=False)] | None = None
