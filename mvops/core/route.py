"""Which versions of a model answer, and with what share of the traffic."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from mvops.core.frozen import Frozen

ArmName = Literal["champion", "challenger", "shadow"]


class Arm(Frozen):
    """One version's share of the traffic, in percent; of a shadow, the share of requests that it is asked too."""

    arm: ArmName
    version: int
    weight: int = Field(ge=0, le=100)


class Route(Frozen):
    """Written atomically by whoever moves traffic, watched by the endpoint; `serial` grows with each change.

    The version of `shadow` is asked what `arms` have answered, and nobody waits for it.
    """

    format_version: Literal[1] = 1
    model: str
    serial: int
    arms: tuple[Arm, ...]
    shadow: Arm | None = None

    @model_validator(mode="after")
    def _adds_up(self) -> Route:
        if sum(arm.weight for arm in self.arms) != 100 or len({arm.arm for arm in self.arms}) != len(self.arms):
            raise ValueError("the arms' weights must add up to 100, each arm once")
        if (self.shadow and self.shadow.arm) not in {None, "shadow"} or any(arm.arm == "shadow" for arm in self.arms):
            raise ValueError("what answers in the shadow stands in `shadow`, and nothing else does")
        return self

    def text(self) -> bytes:
        """As it is written; without a shadow, as an endpoint of an earlier version can read it too."""
        return f"{self.model_dump_json(indent=2, exclude_none=True)}\n".encode()
