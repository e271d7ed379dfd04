"""Schedules as workflows of GitHub Actions: each run starts on an empty machine with a checkout of the project."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from mvops import __version__
from mvops.contracts.schedulers import DATA, IGNORED, Command, Job, Machine, Timetable
from mvops.core.cron import cron_values
from mvops.core.environment import wording
from mvops.rendering import render_folder

_OFTEN = 5  # minutes: GitHub starts nothing more often
_REMOTE = "give it a remote on a server (dvc remote add -d NAME s3://BUCKET)"
_BROUGHT = "commit them, or have DVC keep them (dvc init), with a remote on a server"
_EMPTY = Machine(python="3.11")


class GithubActions:
    """Generates `.github/workflows/mvops_<job>.yml`: a job for each model, a step for each step of its pipeline.

    In the environment `staging` it is `mvops-staging_<job>.yml`, as GitHub reads one folder only.
    """

    shows_parts = True
    empty_machines = True
    mark = ("GITHUB_EVENT_NAME", "schedule")

    def folder(self, name: str) -> str:
        """The one folder that GitHub reads; the files are told apart by their jobs."""
        del name
        return ".github/workflows"

    def files(self, timetable: Timetable) -> Mapping[str, str]:
        """One workflow for each job."""
        made: dict[str, str] = {}
        for job in timetable.jobs:
            (text,) = render_folder("schedulers/github_actions", _context(timetable, job)).values()
            made[f"mvops{wording(timetable.environment)['ending']}_{job.name}.yml"] = text
        return made

    def limits(self, timetable: Timetable) -> Iterator[str]:
        """Zones, retries, short periods, and what is not there on an empty machine."""
        machine = timetable.machine or _EMPTY
        yield "takes effect once the workflow is committed and pushed to the default branch"
        if timetable.timezone != "UTC":
            yield f"has no time zone but UTC: the schedules are not read in {timetable.timezone}"
        if timetable.retries:
            yield "does not try again what fails: run it again there, or wait for its next time"
        yield from (
            f"{job.name} is run every {_OFTEN} minutes, as GitHub does nothing more often"
            for job in timetable.jobs
            if _schedule(job.schedule).split(" ")[0] != job.schedule.split(" ")[0]
        )
        if keys := " and ".join(key for key in machine.kept if key not in {DATA, IGNORED}):
            yield f"starts on an empty machine, and {keys} are files of this one: name a PostgreSQL server and S3"
        if DATA in machine.kept:
            yield f"starts on an empty machine, and DVC keeps the data on this one: {_REMOTE}"
        if IGNORED in machine.kept:
            yield f"starts on an empty machine, without the data, which Git ignores: {_BROUGHT}"
        if not machine.requirements:
            yield "installs mvops with its extras and no more: write what the notebooks import into requirements.txt"
        if machine.folder:
            yield f"reads workflows at the repository's root only, and this project is in {machine.folder}: move them"


def _context(timetable: Timetable, job: Job) -> dict[str, Any]:
    machine = timetable.machine or _EMPTY
    return {
        "timetable": timetable,
        "ending": wording(timetable.environment)["ending"],
        "job": job,
        "schedule": _schedule(job.schedule),
        "machine": machine,
        "mvops": __version__,
        "minutes": None if timetable.timeout is None else math.ceil(timetable.timeout / 60),
        "models": [{"name": c.name, "after": list(c.after), "steps": list(_steps(c))} for c in job.commands],
    }


def _steps(command: Command) -> Iterator[dict[str, Any]]:
    for part in command.parts:
        yield {"name": f"{command.name}: step {part.name}", "run": _shell(part.arguments), "asks_gate": False}
    yield {"name": f"{command.name}: {command.arguments[0]}", "run": _shell(command.arguments), "asks_gate": True}


def _shell(arguments: tuple[str, ...]) -> str:
    """A command line in which GitHub finds no expression of its own."""
    return shlex.join(("mvops", *arguments)).replace("${{", "${{ '${{' }}")


def _schedule(schedule: str) -> str:
    """As GitHub reads it: Sunday is 0 there, and nothing comes more often than every five minutes."""
    minute, hour, day, month, weekday = schedule.split(" ")
    minutes = cron_values(minute, 0, 59)
    gaps = [after - before for before, after in zip(minutes, (*minutes[1:], minutes[0] + 60), strict=True)]
    if min(gaps) < _OFTEN:
        minute = f"*/{_OFTEN}"
    if "7" in weekday:
        weekday = ",".join(str(value) for value in sorted({value % 7 for value in cron_values(weekday, 0, 7)}))
    return f"{minute} {hour} {day} {month} {weekday}"
