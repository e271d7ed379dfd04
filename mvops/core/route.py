"""Which versions of a model answer, and with what share of the traffic."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from mvops.core.frozen import Frozen

ArmName = Literal["champion", "challenger"]


class Arm(Frozen):
    """One version's share of the traffic, in percent."""

    arm: ArmName
    version: int
    weight: int = Field(ge=0, le=100)


class Route(Frozen):
    """Written atomically by whoever moves traffic, watched by the endpoint; `serial` grows with each change."""

    format_version: Literal[1] = 1
    model: str
    serial: int
    arms: tuple[Arm, ...]

    @model_validator(mode="after")
    def _adds_up(self) -> Route:
        if sum(arm.weight for arm in self.arms) != 100 or len({arm.arm for arm in self.arms}) != len(self.arms):
            raise ValueError("the arms' weights must add up to 100, each arm once")
        return self
