"""Schedules as DAGs for Airflow 3: a task for each step of a pipeline, retries and time zone kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mvops.contracts.schedulers import Command, Job, Timetable
from mvops.core.environment import in_environment, wording
from mvops.rendering import render_folder


class Airflow:
    """Generates `deploy/schedules/<name>/dag.py`: a DAG for each job. Needs no Airflow itself."""

    shows_parts = True
    empty_machines = False
    program = "airflow"
    mark = ("AIRFLOW_CTX_DAG_RUN_ID", "scheduled__")

    def folder(self, name: str) -> str:
        """One folder for each timetable."""
        return f"deploy/schedules/{name}"

    def files(self, timetable: Timetable) -> Mapping[str, str]:
        """One Python file."""
        jobs = [{"job": job, "tasks": list(_tasks(job))} for job in timetable.jobs]
        return render_folder(
            "schedulers/airflow", wording(timetable.environment) | {"timetable": timetable, "jobs": jobs}
        )

    def limits(self, timetable: Timetable) -> Iterator[str]:
        """It has to be told where to look."""
        folder = in_environment("deploy/schedules", timetable.environment)
        yield f"reads the DAG once {folder} is its DAG folder, or one of its DAG bundles"


def _tasks(job: Job) -> Iterator[dict[str, Any]]:
    """A task for each part, and one for the command that they belong to."""
    last = {command.name: f"{command.name}.{command.arguments[0]}" for command in job.commands}
    for command in job.commands:
        before = [last[name] for name in command.after]
        for part in command.parts:
            after = [_step(command, name) for name in part.after]
            yield {"id": _step(command, part.name), "arguments": part.arguments, "after": after or before}
        own = [_step(command, part.name) for part in command.parts]
        yield {"id": last[command.name], "arguments": command.arguments, "after": own or before}


def _step(command: Command, part: str) -> str:
    return f"{command.name}.step_{part}"
