"""Schedules as a crontab: a file to install with `crontab`, nothing runs by itself until then."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from mvops.contracts.schedulers import Timetable
from mvops.rendering import render_folder


class Cron:
    """Generates `deploy/schedules/<model>/crontab`."""

    def folder(self, model: str) -> str:
        """One folder for each model."""
        return f"deploy/schedules/{model}"

    def files(self, timetable: Timetable) -> Mapping[str, str]:
        """One crontab with a line for each job."""
        jobs = [
            {
                "schedule": job.schedule,
                "description": job.description,
                "arguments": shlex.join(job.arguments),
            }
            for job in timetable.jobs
        ]
        return render_folder("schedulers/cron", {"timetable": timetable, "jobs": jobs})
