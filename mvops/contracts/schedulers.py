"""What a scheduler is: something that runs mvops' commands by the clock.

What every scheduler does with a job, so that changing the scheduler changes no meaning:

- At each time of `schedule`, in the time zone of the timetable, the job's commands are run, each after those that it
  names in `after`. One run of a job at a time.
- Exit code 0 is done; 4, a gate that said no, is an answer: it is not tried again, and what comes after goes on. Any
  other is a failure: tried again `retries` times, and what comes after is not run. Other jobs go on.
- Times that were missed while the scheduler was down are not made up one by one.

A scheduler that cannot do one of these for a timetable says so in `limits`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Protocol, runtime_checkable

from pydantic import Field

from mvops.core.cron import CronText, Timezone
from mvops.core.environment import OfEnvironment
from mvops.core.frozen import Frozen
from mvops.core.naming import Name

LOOKING = "rollout_"  # jobs that only look, every few minutes: one that ends well is not put on record
Label = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,127}$")]  # longer than a name, as it is made of one


class Part(Frozen):
    """A piece of a command's work that may be run ahead by itself, after the parts named in `after`.

    The command finds what it made in the cache; a scheduler without a picture of its own leaves parts out.
    """

    name: Name
    arguments: tuple[str, ...]
    after: tuple[str, ...] = ()


class Command(Frozen):
    """One command line of mvops: `arguments` are what stands behind `mvops`."""

    name: Label
    arguments: tuple[str, ...]
    after: tuple[str, ...] = ()  # commands of the same job
    parts: tuple[Part, ...] = ()  # in an order in which they can be run


class Job(Frozen):
    """Commands to run by a cron schedule. `name` is unique in the project, such as `retrain_flight_delay`."""

    name: Label
    schedule: CronText
    description: str
    commands: tuple[Command, ...]  # in an order in which they can be run


DATA = "data"  # among what is kept: the content of the pipelines' inputs
IGNORED = "ignored"  # the same, where Git leaves the inputs out and nobody else brings them; told, and not on record


class Machine(Frozen):
    """What a job needs where it starts on an empty machine, with a checkout of the project and nothing else.

    `secrets` are names of environment variables; `kept` the keys of the project's YAML whose data such a machine would
    not find, because they name a file or folder of this one; `requirements` the project's file of packages, if it
    has one; `folder` where the project lies in its Git repository, empty for the root.
    """

    python: str  # such as 3.11
    secrets: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    requirements: str | None = None
    folder: str = ""


class Timetable(OfEnvironment):
    """All that a scheduler's templates may know: nothing of this machine, so that a team can share what is made.

    In an environment, the jobs' own commands name it already.
    """

    project: Name
    name: Name  # of a model, or of what else the jobs are for
    jobs: tuple[Job, ...]
    timezone: Timezone = "UTC"
    retries: int = 0
    retry_delay: float = 300.0  # seconds
    timeout: float | None = None  # seconds, of one command
    machine: Machine | None = None  # only for a scheduler with `empty_machines`


class Scheduler(Protocol):
    """A backend of the family `schedulers`: a class that is made without arguments.

    `shows_parts`: each part of a command is a task of its own there. `empty_machines`: every run starts on one. A class
    may also name the `program` that has to be on the machine that keeps the time; `mvops doctor` looks for it.
    It may be `Installed`, `Leftovers` and `Marking` too.
    """

    shows_parts: bool
    empty_machines: bool

    def folder(self, name: str) -> str:
        """Where the generated files of the timetable `name` go, below the project's root, posix."""
        ...

    def files(self, timetable: Timetable) -> Mapping[str, str]:
        """The generated files: path below `folder` -> text. Pure."""
        ...

    def limits(self, timetable: Timetable) -> Iterable[str]:
        """What this scheduler does not do of what the timetable asks, a sentence each, with what to do about it."""
        ...


@runtime_checkable
class Installed(Protocol):
    """What a scheduler may have besides: its files have to be installed, and it can tell whether they are."""

    def to_install(self, root: Path, files: Sequence[str]) -> str:
        """What to type where these generated files (below `root`) are not installed, else nothing. Only looks."""
        ...


@runtime_checkable
class Bare(Protocol):
    """What a scheduler that is `Installed` may have besides: it runs commands without the environment of a shell."""

    def to_set(self, names: Sequence[str]) -> str:
        """Where to set those of these environment variables that its commands would not have. Only looks."""
        ...


@runtime_checkable
class Leftovers(Protocol):
    """What a scheduler that is `Installed` may have besides: it can tell what is still installed of former times."""

    def left_over(self, root: Path, files: Sequence[str], hidden: str) -> Sequence[str]:
        """What runs commands of the project at `root`, whose log is below `hidden`, and none of its files asks for.

        `files` are those applied, below `root`. Only looks.
        """
        ...

    def to_remove(self, left: Sequence[str]) -> tuple[str, str]:
        """What is still there, as one sentence, and what to type about it."""
        ...


@runtime_checkable
class Marking(Protocol):
    """What a scheduler may have besides: it tells what it runs by the clock that it does, and not by hand.

    `mark` is an environment variable that it sets, and how its value begins then. One that sets none has its files say
    MVOPS_BY_CLOCK=1 before the command.
    """

    mark: tuple[str, str]
