"""Running a model's pipeline and keeping the run in the registry, whatever becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial

from mvops.contracts.executors import Executor, Hands
from mvops.core.progress import Progress, Tell
from mvops.core.run import Run
from mvops.core.steps import RunPipeline
from mvops.errors import MvopsError
from mvops.features.joined import job_of, make_joined
from mvops.lifecycle.code import code_state
from mvops.notebook.results import PipelineJob, StepFailedError, StepProgress
from mvops.notebook.run import run_pipeline
from mvops.notebook.unprepared import about_unprepared
from mvops.performing.foreseen import foreseen
from mvops.registry.owner import this_process
from mvops.registry.run_rows import new_id
from mvops.registry.runs import save_run
from mvops.workspace import Workspace


def perform_run(step: RunPipeline, workspace: Workspace, tell: Tell) -> dict[str, str]:
    """Run the pipeline as the YAML says; leaves the run's id."""
    job = job_of(workspace, step.model)
    job = replace(job, use_cache=False) if step.anew else job
    return {"run": run_and_record(job, step.model, step.reason, workspace, tell).id}


def run_and_record(job: PipelineJob, model: str, reason: str, workspace: Workspace, tell: Tell) -> Run:
    """Run `job` and return the recorded run; one that fails is recorded with its error, which is raised again."""
    first, *later = workspace.model(model).pipeline.books
    run = _begin(job, model, reason).model_copy(
        update={"code": code_state(workspace.root, first, {}, later=later)},
    )
    save_run(workspace.registry, run)

    try:
        make_joined(workspace, model)
        with foreseen() as later_needed:
            result = run_pipeline(
                job,
                store=workspace.store,
                cache_dir=workspace.cache,
                work_dir=workspace.work,
                on_progress=_telling(model, tell, later_needed.begin if job.only_step is None else None),
                hands=partial(_hands, workspace),
            )
    except BaseException as error:
        save_run(workspace.registry, _failed(run, error))
        if isinstance(error, StepFailedError):
            error.hint = "\n".join(filter(None, (error.hint, f"As a page: mvops runs notebook {run.id} --html")))
        raise
    succeeded = run.model_copy(
        update={
            "status": "succeeded",
            "finished": datetime.now(UTC),
            "runner": None,
            "parameters": result.parameters,
            "steps": result.steps,
            "inputs": result.data,
            "cells": result.cells,
            "sources": result.sources,
            "packages": result.packages,
            "interpreter": str(result.interpreter or ""),
            "outputs": {role: output.artifact for role, output in result.outputs.items()},
        }
    )
    save_run(workspace.registry, succeeded)
    if (told := about_unprepared(job.notebooks, result.steps, workspace.store)) is not None:
        workspace.remarks.append(f"{model}: {told}: mvops runs notebook {run.id} --html")
    return succeeded


def _telling(model: str, tell: Tell, started: Callable[[], None] | None) -> Callable[[StepProgress], None]:
    """What a run's progress is told to; `started` is called when a step starts to be run."""
    done: dict[str, float] = {}

    def on_progress(progress: StepProgress) -> None:
        ended = progress.status in {"cached", "succeeded"}
        done[progress.step] = 1.0 if ended else progress.cells_done / progress.cells if progress.cells else 0.0
        kept = progress.status == "succeeded"
        if progress.status == "started" and started is not None:
            started()
        tell(Progress(what=f"{model}: {progress.step}", done=sum(done.values()), total=progress.total, kept=kept))

    return on_progress


def _hands(workspace: Workspace) -> AbstractContextManager[Hands]:
    """What the steps run in; not before there is a step to run, which a run from the cache has not."""
    wanted = workspace.project.executor
    executor: Executor = workspace.backend("executors", wanted.backend)
    return executor.open(wanted.options)


def _begin(job: PipelineJob, model: str, reason: str) -> Run:
    now = datetime.now(UTC)
    return Run(
        id=new_id(now),
        model=model,
        reason=reason,
        status="running",
        started=now,
        finished=None,
        parameters=dict(job.parameters),
        step=job.only_step,
        runner=asdict(this_process()),
    )


def _failed(run: Run, error: BaseException) -> Run:
    return run.model_copy(
        update={
            "status": "failed",
            "finished": datetime.now(UTC),
            "runner": None,
            "steps": error.steps if isinstance(error, StepFailedError) else (),
            "error": str(error) if isinstance(error, MvopsError) else f"{type(error).__name__}: {error}",
        }
    )
