"""Schedules run by mvops itself: `mvops schedule run` in the foreground, for instance under a process manager."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mvops.contracts.schedulers import Timetable
from mvops.core.environment import wording
from mvops.rendering import render_folder


class Local:
    """Generates `deploy/schedules/<name>/timetable.yaml`, which `mvops schedule run` reads: it may be edited."""

    shows_parts = False
    empty_machines = False

    def folder(self, name: str) -> str:
        """One folder for each timetable."""
        return f"deploy/schedules/{name}"

    def files(self, timetable: Timetable) -> Mapping[str, str]:
        """The timetable itself."""
        return render_folder("schedulers/local", wording(timetable.environment) | {"timetable": timetable})

    def limits(self, timetable: Timetable) -> Iterator[str]:
        """Nothing is done while nobody runs it."""
        typed = wording(timetable.environment)["typed"]
        yield f"does its work while `{typed} schedule run` runs: have it started with the machine"
