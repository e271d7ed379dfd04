"""What a scheduler is: something that runs mvops' commands by the clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from mvops.core.frozen import Frozen


class Job(Frozen):
    """A command line to run by a cron schedule, such as `retrain flight_delay --reason schedule`."""

    name: str
    schedule: str  # five fields
    arguments: tuple[str, ...]  # of mvops
    description: str


class Timetable(Frozen):
    """All that a scheduler's templates may know: nothing of this machine, so that a team can share what is made."""

    project: str
    model: str
    jobs: tuple[Job, ...]


class Scheduler(Protocol):
    """A backend of the family `schedulers`: a class that is made without arguments."""

    def folder(self, model: str) -> str:
        """Where the generated files go, below the project's root, posix."""
        ...

    def files(self, timetable: Timetable) -> Mapping[str, str]:
        """The generated files: path below `folder` -> text. Pure."""
        ...
