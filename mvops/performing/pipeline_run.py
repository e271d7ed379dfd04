"""Running a model's pipeline and keeping the run in the registry, whatever becomes of it."""

from __future__ import annotations

from datetime import UTC, datetime

from mvops.core.progress import Progress, Tell
from mvops.core.run import Run
from mvops.core.steps import RunPipeline
from mvops.errors import NotebookError
from mvops.notebook.run import PipelineJob, PipelineResult, StepProgress, pipeline_job, run_pipeline
from mvops.registry.ids import new_id
from mvops.registry.runs import save_run
from mvops.workspace import Workspace


def perform_run(step: RunPipeline, workspace: Workspace, tell: Tell) -> dict[str, str]:
    """Run the pipeline as the YAML says; leaves the run's id."""
    job = pipeline_job(workspace.root, workspace.model(step.model).pipeline)
    return {"run": run_and_record(job, step.model, step.reason, workspace, tell).id}


def run_and_record(job: PipelineJob, model: str, reason: str, workspace: Workspace, tell: Tell) -> Run:
    """Run `job` and return the recorded run; a failed one is recorded with its error, which is raised again."""
    run = Run(
        id=new_id(),
        model=model,
        reason=reason,
        status="running",
        started=datetime.now(UTC),
        finished=None,
        parameters=dict(job.parameters),
    )
    save_run(workspace.registry, run)
    steps: list[StepProgress] = []

    def on_progress(progress: StepProgress) -> None:
        steps.append(progress)
        tell(Progress(what=f"{model}: {progress.step}", done=progress.done, total=progress.total))

    try:
        result = run_pipeline(
            job,
            store=workspace.store,
            cache_dir=workspace.cache,
            work_dir=workspace.work / run.id,
            on_progress=on_progress,
        )
    except NotebookError as error:
        failed = {"status": "failed", "finished": datetime.now(UTC), "error": str(error)}
        save_run(workspace.registry, run.model_copy(update=failed))
        raise
    return _succeeded(run, result, workspace)


def _succeeded(run: Run, result: PipelineResult, workspace: Workspace) -> Run:
    finished = run.model_copy(
        update={
            "status": "succeeded",
            "finished": datetime.now(UTC),
            "steps": result.steps,
            "inputs": dict(result.inputs),
            "cells": dict(result.cells),
            "outputs": dict(result.outputs),
        }
    )
    save_run(workspace.registry, finished)
    return finished
