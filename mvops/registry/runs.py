"""The executions of pipelines."""

from __future__ import annotations

from statistics import median

from sqlmodel import col, select

from mvops.core.run import Run
from mvops.registry.database import Registry
from mvops.registry.owner import Owner, is_gone
from mvops.registry.statements import insert_or_replace
from mvops.registry.tables import Base, RunRow

_TABLE = Base.metadata.tables["mvops_runs"]
_COLUMNS = {"id", "model", "status", "started", "finished"}
_RECENT = 20


def save_run(registry: Registry, run: Run) -> None:
    """Insert `run`, or replace the one with its id."""
    values = run.model_dump(include=_COLUMNS) | {"body": run.model_dump(mode="json", exclude=_COLUMNS)}
    with registry.session() as session:
        session.exec(insert_or_replace(registry.dialect, _TABLE, [values]), params=values)


def runs(registry: Registry, model: str | None = None, limit: int = 20) -> list[Run]:
    """The newest runs, of one model or of all, newest first."""
    query = select(RunRow).order_by(col(RunRow.id).desc()).limit(limit)
    if model is not None:
        query = query.where(RunRow.model == model)
    with registry.reading() as session:
        return [_run(row) for row in session.exec(query)]


def find_run(registry: Registry, run_id: str) -> Run | None:
    """The run with this id."""
    with registry.reading() as session:
        row = session.get(RunRow, run_id)
        return None if row is None else _run(row)


def step_seconds(registry: Registry, model: str) -> dict[str, float]:
    """How long each step takes: the median wall time in seconds over the last 20 runs, without steps from the cache."""
    times: dict[str, list[float]] = {}
    for run in runs(registry, model, _RECENT):
        for step in run.steps:
            if step.status == "succeeded":
                times.setdefault(step.step, []).append(step.seconds)
    return {step: median(seconds) for step, seconds in times.items()}


def _run(row: RunRow) -> Run:
    """As it is on record; of one that runs, what became of it where that is certain: other machines' go on running."""
    run = Run.model_validate({**row.body, **row.model_dump(include=_COLUMNS)})
    lost = run.status == "running" and run.runner is not None and is_gone(Owner(**run.runner))
    return run.model_copy(update={"status": "interrupted"}) if lost else run
