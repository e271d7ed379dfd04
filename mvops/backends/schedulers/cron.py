"""Schedules as a crontab: a file to install with `crontab`, nothing runs by itself until then."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping

from mvops.contracts.schedulers import Job, Timetable
from mvops.core.environment import option, wording
from mvops.rendering import render_folder


class Cron:
    """Generates `deploy/schedules/<name>/crontab`.

    A line calls the command itself. Where a job is more than one command, or is to be tried again or ended in time,
    which cron does not know, the line calls `mvops schedule run --job`, which does.
    """

    shows_parts = False
    empty_machines = False
    program = "crontab"

    def folder(self, name: str) -> str:
        """One folder for each timetable."""
        return f"deploy/schedules/{name}"

    def files(self, timetable: Timetable) -> Mapping[str, str]:
        """One crontab with a line for each job."""
        jobs = [
            {
                "schedule": job.schedule,
                "description": job.description,
                "arguments": shlex.join(_arguments(job, timetable)),
            }
            for job in timetable.jobs
        ]
        return render_folder("schedulers/cron", wording(timetable.environment) | {"timetable": timetable, "jobs": jobs})

    def limits(self, timetable: Timetable) -> Iterator[str]:
        """The time zone is the machine's."""
        if timetable.timezone != "UTC":
            zone = timetable.timezone
            yield f"runs by the machine's clock; set it: timedatectl set-timezone {zone}, or TZ={zone} for cron itself"


def _arguments(job: Job, timetable: Timetable) -> tuple[str, ...]:
    plain = len(job.commands) == 1 and not timetable.retries and timetable.timeout is None
    if plain:
        return job.commands[0].arguments
    return ("schedule", "run", "--job", job.name, *option(timetable.environment))
