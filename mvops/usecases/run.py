"""Running a pipeline, or one step of it, without registering anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mvops.core.progress import Tell, silent
from mvops.core.run import Run
from mvops.features.joined import job_of
from mvops.performing.pipeline_run import run_and_record
from mvops.usecases.tracking import bring_along
from mvops.workspace import Workspace


def run(
    workspace: Workspace,
    model: str,
    *,
    parameters: Mapping[str, Any] | None = None,
    step: str | None = None,
    use_cache: bool = True,
    tell: Tell = silent,
) -> Run:
    """Run the pipeline of a model with some parameters changed; the run is kept, no version is made.

    A whole run is evaluated on its held-out rows and told to the tracker. Raises
    UsageError for an unknown model, NotebookError for an unknown parameter or step and for a cell that fails,
    DataError for an input that is missing.
    """
    job = job_of(workspace, model)
    changed = replace(job, parameters={**job.parameters, **(parameters or {})}, only_step=step, use_cache=use_cache)
    try:
        done = run_and_record(changed, model, "mvops run", workspace, tell)
        if step:
            return done
        from mvops.performing.register import evaluate_run  # noqa: PLC0415 -- scikit-learn; a step needs none of it

        return evaluate_run(workspace, done)
    finally:
        if step is None:  # one step of what a scheduler runs is not a run to compare
            bring_along(workspace, model)
