"""What mvops' own dashboard page shows of a model: read from a file that the team may edit."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from mvops.core.frozen import Frozen

Panel = Literal["traffic", "predictions", "latency", "errors", "drift", "performance", "alerts", "events"]
PANELS: tuple[Panel, ...] = (
    "traffic",
    "predictions",
    "latency",
    "errors",
    "drift",
    "performance",
    "alerts",
    "events",
)


class Layout(Frozen):
    """`panels` from top to bottom; `days` of predictions, back from the newest one."""

    title: str = ""
    days: int = Field(default=14, ge=1, le=366)
    panels: tuple[Panel, ...] = Field(default=PANELS, min_length=1)

    @field_validator("panels")
    @classmethod
    def _each_once(cls, panels: tuple[Panel, ...]) -> tuple[Panel, ...]:
        if len(set(panels)) != len(panels):
            raise ValueError("each panel is shown once")
        return panels


def layout_file(model: str) -> str:
    """Where the layout of a model's page is, below the project's root."""
    return f"deploy/dashboards/{model}.yaml"
