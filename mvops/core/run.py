"""One execution of a pipeline, as the registry keeps it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from mvops.core.frozen import Frozen
from mvops.core.version import Artifact, CodeState

RunStatus = Literal["running", "interrupted", "succeeded", "failed"]


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
    """`id` is unique and sorts by time.

    `inputs` maps each input to the digest of its files, `cells` each step to the digest of its code, `outputs` each
    role (model, features, target...) to the value that the run made, in the artefact store. `step` is the one step
    that was asked for, `metrics` the model's numbers on the held-out rows, `code` is None where it was not recorded.
    `sources` are the notebook and the files beside it that the code is made of (path below the project -> content),
    `packages` the releases of what the code imports, `interpreter` the Python that ran it, if that is not ours.
    `runner` is the process that runs it, while it runs, as the registry tells processes apart; `interrupted` is one
    that certainly is gone without an end on record.
    """

    id: str
    model: str
    reason: str
    status: RunStatus
    started: datetime
    finished: datetime | None
    parameters: dict[str, Any]
    steps: tuple[StepRun, ...] = ()
    inputs: dict[str, str] = Field(default_factory=dict)
    cells: dict[str, str] = Field(default_factory=dict)
    outputs: dict[str, Artifact] = Field(default_factory=dict)
    sources: dict[str, Artifact] = Field(default_factory=dict)
    packages: dict[str, str] = Field(default_factory=dict)
    interpreter: str = ""
    error: str | None = None
    step: str | None = None
    metrics: dict[str, float] = Field(default_factory=dict)
    code: CodeState | None = None
    runner: dict[str, Any] | None = None
