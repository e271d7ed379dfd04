"""Running a pipeline, or one step of it, without registering anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mvops.core.address import address
from mvops.core.progress import Tell, silent
from mvops.core.run import Run
from mvops.features.joined import job_of
from mvops.performing.evaluations import keep_metrics, known_metrics
from mvops.performing.pipeline_run import run_and_record
from mvops.registry.runs import save_run
from mvops.registry.state import SqlState
from mvops.witness import spoil
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
        return _evaluated(workspace, done, use_cache=use_cache)
    finally:
        if step is None:  # one step of what a scheduler runs is not a run to compare
            _tell_tracker(workspace, model)


def _evaluated(workspace: Workspace, done: Run, *, use_cache: bool) -> Run:
    known = known_metrics(workspace, done) if use_cache else None
    if known is not None:
        evaluated = done.model_copy(update={"metrics": known})
        save_run(workspace.registry, evaluated)
        return evaluated
    spoil("the model was evaluated")
    from mvops.performing.register import evaluate_run  # noqa: PLC0415 -- scikit-learn; what is known needs none of it

    evaluated = evaluate_run(workspace, done)
    keep_metrics(workspace, evaluated)
    return evaluated


def _tell_tracker(workspace: Workspace, model: str) -> None:
    if SqlState(workspace.registry).record(address("tracker", model)) is not None:
        from mvops.usecases.tracking import bring_along  # noqa: PLC0415 -- NumPy and all that a plan needs

        bring_along(workspace, model)
