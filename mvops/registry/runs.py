"""The executions of pipelines. In plain SQL: importing SQLModel takes longer than a run that finds nothing to do."""

from __future__ import annotations

import json
from datetime import datetime
from statistics import median
from typing import Any

from mvops.core.run import Run
from mvops.registry.database import Registry
from mvops.registry.owner import Owner, is_gone
from mvops.registry.run_rows import COLUMNS, put_run
from mvops.registry.values import safe_text, time_found
from mvops.witness import spoil

_RECENT = 20
_FOUND = "SELECT id, model, status, started, finished, body FROM mvops_runs"


def save_run(registry: Registry, run: Run) -> None:
    """Insert `run`, or replace the one with its id."""
    put_run(registry, run.model_dump(include=COLUMNS), run.model_dump(mode="json", exclude=COLUMNS))


def runs(registry: Registry, model: str | None = None, limit: int = 20) -> list[Run]:
    """The newest runs, of one model or of all, newest first."""
    if model is None:
        found = registry.rows(f"{_FOUND} ORDER BY id DESC LIMIT :most", most=limit)
    else:
        found = registry.rows(
            f"{_FOUND} WHERE model = :model ORDER BY id DESC LIMIT :most", model=safe_text(model), most=limit
        )
    return [_run(*row) for row in found]


def find_run(registry: Registry, run_id: str) -> Run | None:
    """The run with this id."""
    found = registry.rows(f"{_FOUND} WHERE id = :run", run=safe_text(run_id))
    return next((_run(*row) for row in found), None)


def step_seconds(registry: Registry, model: str) -> dict[str, float]:
    """How long each step takes: the median wall time in seconds over the last 20 runs, without steps from the cache."""
    times: dict[str, list[float]] = {}
    for run in runs(registry, model, _RECENT):
        for step in run.steps:
            if step.status == "succeeded":
                times.setdefault(step.step, []).append(step.seconds)
    return {step: median(seconds) for step, seconds in times.items()}


def _run(
    run_id: str, model: str, status: str, started: datetime | str, finished: datetime | str | None, body: str
) -> Run:
    """As it is on record; of one that runs, what became of it where that is certain: other machines' go on running."""
    columns: dict[str, Any] = {"id": run_id, "model": model, "status": status, "started": time_found(started)}
    columns["finished"] = None if finished is None else time_found(finished)
    run = Run.model_validate({**json.loads(body), **columns})
    if run.status != "running" or run.runner is None:
        return run
    spoil("a process was looked for")
    return run.model_copy(update={"status": "interrupted"}) if is_gone(Owner(**run.runner)) else run
