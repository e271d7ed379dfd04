"""One execution of a pipeline, as the registry keeps it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from mvops.core.frozen import Frozen

RunStatus = Literal["running", "succeeded", "failed"]


class StepRun(Frozen):
    """One step of a run.

    `key` is the content address of everything that the step read; `notebook` is the sha256 of the executed notebook
    in the artefact store; `seconds` is wall time, 0 when the step came from the cache.
    """

    step: str
    key: str
    status: Literal["succeeded", "failed", "cached"]
    seconds: float
    notebook: str | None
    error: str | None = None


class Run(Frozen):
    """`id` is unique and sorts by time."""

    id: str
    model: str
    reason: str
    status: RunStatus
    started: datetime
    finished: datetime | None
    parameters: dict[str, Any]
    steps: tuple[StepRun, ...] = ()
    error: str | None = None
