"""What is done by the clock: the jobs with their next times, whatever runs them, and running them here."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import yaml
from pydantic import ValidationError

from mvops import backends
from mvops.atomic import content_at
from mvops.contracts.schedulers import LOOKING, Bare, Installed, Job, Leftovers, Marking, Scheduler, Timetable
from mvops.core.action import Verb
from mvops.core.address import Address, kind_of, name_of
from mvops.core.apply import Done
from mvops.core.folders import hidden_folder
from mvops.core.regeneration import beside
from mvops.core.state import Record
from mvops.errors import ConflictError, MvopsError, SpecError, UsageError, Where
from mvops.kinds.generated import edited
from mvops.registry.events import record_event
from mvops.registry.glance import names_before
from mvops.registry.state import SqlState
from mvops.scheduling.handled import Handled
from mvops.scheduling.job_run import JobRun, Workshop, alone
from mvops.scheduling.loop import Loop, News, SystemClock
from mvops.scheduling.occurrences import next_time
from mvops.scheduling.started import started_by_clock
from mvops.usecases.variables import variables_of
from mvops.workspace import Workspace

LOCAL = "local"  # the scheduler whose timetables this program runs itself


@dataclass(frozen=True)
class Scheduled:
    """A timetable as it was applied, what runs it, and which of its files were edited by hand.

    `to_install` is what to type where it is not installed; `limit` is what its scheduler says first of itself.
    `conflict` says that a file waits for somebody, and should not be installed before, `way_out` what to do then.
    """

    address: Address
    timetable: Timetable
    backend: str
    edited: tuple[str, ...]
    to_install: str = ""
    limit: str = ""
    conflict: str = ""
    way_out: str = ""

    @property
    def lacking(self) -> str:
        """What is said of one that is not installed."""
        return f"{self.address} is not installed yet"

    @property
    def waits(self) -> str:
        """What has to be done before anything is run, as far as that can be told from here."""
        if self.conflict:
            return f"{self.conflict}: {self.way_out}"
        return f"{self.lacking}: {self.to_install}" if self.to_install else self.limit


@dataclass(frozen=True)
class Upcoming:
    """A job and when it comes next; the time is in the job's time zone."""

    job: Job
    schedule: Scheduled
    next: datetime


def scheduled(workspace: Workspace, *, look: bool = False) -> list[Scheduled]:
    """Every timetable that has been applied; with `look`, with what it waits for.

    A local one is read from its file, as that is what counts. Raises SpecError for a file that somebody edited into
    something else.
    """
    found = []
    for where, record in sorted(SqlState(workspace.registry).records().items()):
        if kind_of(Address(where)) == "schedule":
            backend, files = record.spec["backend"], record.spec["files"]
            changed = tuple(edited(workspace.root, files))
            timetable = _from_file(workspace, changed[0]) if backend == LOCAL and changed else None
            timetable = timetable or Timetable.model_validate(record.spec["timetable"])
            conflict = _in_conflict(workspace, record) if look else ("", "")
            waits = _waits_for(workspace, backend, timetable, files) if look and not conflict[0] else ("", "")
            found.append(Scheduled(Address(where), timetable, backend, changed, *waits, *conflict))
    return found


def _in_conflict(workspace: Workspace, record: Record) -> tuple[str, str]:
    """Which of its files waits for somebody, and if it still calls the model as it was called before; and what to do.

    Both are empty where none waits.
    """
    waiting = json.loads(record.outputs.get("bases", "{}"))
    path = next((path for path in sorted(waiting) if (workspace.root / beside(path)).is_file()), None)
    if path is None:
        return "", ""
    text = (content_at(workspace.root / path) or b"").decode(errors="replace")
    former = names_before(workspace.registry, name_of(Address(record.address)))
    said = next((name for name in former if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text)), None)
    calls = f", and still calls the model by its old name {said}" if said else ""
    return f"{path} is in conflict{calls}", f"take over what you want of {beside(path)}, then delete that"


def _waits_for(workspace: Workspace, backend: str, timetable: Timetable, files: Iterable[str]) -> tuple[str, str]:
    """What to type before this scheduler runs these files; else what it says first of itself."""
    scheduler: Scheduler = workspace.backend("schedulers", backend)
    there = [file for file in sorted(files) if (workspace.root / file).is_file()]
    if isinstance(scheduler, Installed):
        return scheduler.to_install(workspace.root, there), ""
    return "", next((f"{backend} {sentence}" for sentence in scheduler.limits(timetable)), "")


def left_over(workspace: Workspace) -> list[tuple[str, str, Sequence[str]]]:
    """What still runs by the clock and no applied schedule asks for: a sentence, what to type, and what it is."""
    applied: dict[str, list[str]] = {}
    for address, record in SqlState(workspace.registry).records().items():
        if kind_of(Address(address)) == "schedule":
            there = [file for file in sorted(record.spec["files"]) if (workspace.root / file).is_file()]
            applied.setdefault(record.spec["backend"], []).extend(there)
    found = []
    for name in backends.names("schedulers"):
        scheduler: Scheduler = workspace.backend("schedulers", name)
        if isinstance(scheduler, Leftovers):
            hidden = hidden_folder(workspace.project.environment)
            left = scheduler.left_over(workspace.root, applied.get(name, []), hidden)
            found += [(*scheduler.to_remove(left), left)] if left else []
    return found


def left_to_do(workspace: Workspace, finished: Iterable[Done]) -> list[str]:
    """What is to be installed of the schedules that an apply has just made or changed, and what to be taken out."""
    schedules = (
        each.action for each in finished if each.status == "done" and kind_of(each.action.address) == "schedule"
    )
    changed = {action.address for action in schedules if action.verb not in {Verb.KEEP, Verb.MOVE, Verb.FORGET}}
    if not changed:
        return []
    waiting = [each for each in scheduled(workspace, look=True) if each.address in changed]
    found = [each.waits for each in waiting if each.conflict or each.to_install]
    scheduler: Scheduler = workspace.backend("schedulers", workspace.project.scheduler.backend)
    if isinstance(scheduler, Bare) and any(each.to_install for each in waiting):
        found += filter(None, [scheduler.to_set(variables_of(workspace.project))])
    for what, command, which in left_over(workspace):
        found += [f"{what}: {command}", *(f"  {each}" for each in which)]
    return found


def upcoming(workspace: Workspace, now: datetime | None = None) -> list[Upcoming]:
    """Every job, the next one first."""
    now = now or datetime.now(UTC)
    found = [
        Upcoming(job, each, next_time(job.schedule, each.timetable.timezone, now))
        for each in scheduled(workspace, look=True)
        for job in each.timetable.jobs
    ]
    return sorted(found, key=lambda one: (one.next, one.job.name))


def run_job(workspace: Workspace, name: str, tell: Callable[[str], None] = lambda _: None) -> JobRun:
    """Run one job now, whatever runs it by the clock: its result, a sentence, and what its commands said.

    Raises UsageError for a job that is not there.
    """
    known = {job.name: (each.timetable, job) for each in scheduled(workspace) for job in each.timetable.jobs}
    if name not in known:
        names = ", ".join(sorted(known)) or "none: mvops apply makes them"
        raise UsageError(f"there is no job {name!r}", hint=f"Jobs: {names}")
    run = JobRun(*known[name], _workshop(workspace, by_clock=by_clock(workspace)), tell)
    try:
        run.work()
    finally:
        _record(workspace, run)
    return run


def run_scheduler(
    workspace: Workspace, tell: Callable[[News], None], *, once: bool = False, until: datetime | None = None
) -> None:
    """Run what is due of the local timetables, until interrupted, until `until`, or `once` what is due now.

    Raises ConflictError while another process does so in this project, UsageError when nothing is to be run here.
    """
    if not _local(workspace):
        raise UsageError(
            "there is nothing to run here: no schedule has been applied with the scheduler 'local'",
            hint="Write `scheduler: {backend: local}` in configs/project.yaml; then: mvops apply",
        )
    hidden = workspace.hidden / "schedule"
    with alone(hidden / "loop.lock") as mine:
        if not mine:
            raise ConflictError("the scheduler of this project runs already", hint="What it does: mvops history")
        lasting = _Lasting(workspace)
        loop = Loop(lasting, _workshop(workspace, by_clock=True), Handled(hidden / "handled.json"), SystemClock(), tell)
        loop.tell = lambda news: _noted(workspace, news, tell)
        loop.run(once=once, until=until)


class _Lasting:
    """The timetables as they are now; as they were, while the registry is away or a file cannot be read."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._known: Sequence[Timetable] = _local(workspace)

    def __call__(self) -> Sequence[Timetable]:
        try:
            self._known = _local(self._workspace)
        except MvopsError as error:
            sys.stderr.write(f"warning: {error}\n")
        return self._known


def _local(workspace: Workspace) -> list[Timetable]:
    return [each.timetable for each in scheduled(workspace) if each.backend == LOCAL]


def _workshop(workspace: Workspace, *, by_clock: bool) -> Workshop:
    program = (sys.executable, "-m", "mvops", "-C", str(workspace.root))
    return Workshop(program, workspace.root, _log(workspace), by_clock)


def by_clock(workspace: Workspace) -> bool:
    """Did the project's scheduler start this command, and nobody who typed it."""
    scheduler: Scheduler = workspace.backend("schedulers", workspace.project.scheduler.backend)
    return started_by_clock(_log(workspace), scheduler.mark if isinstance(scheduler, Marking) else None)


def _log(workspace: Workspace) -> Path:
    return workspace.hidden / "schedule.log"


def _noted(workspace: Workspace, news: News, tell: Callable[[News], None]) -> None:
    if news.ended:
        _record(workspace, news.run)
    tell(news)


def _record(workspace: Workspace, run: JobRun) -> None:
    if run.result == "done" and run.job.name.startswith(LOOKING):
        return
    details = {"job": run.job.name, "result": run.result, "schedule": run.job.schedule}
    record_event(workspace.registry, "job", run.timetable.name, f"{run.job.name}: {run.sentence}", details)


def _from_file(workspace: Workspace, path: str) -> Timetable | None:
    where = Where(workspace.root / path)
    hint = "Mend it, or delete it: `mvops apply` writes it anew."
    try:
        return Timetable.model_validate(yaml.safe_load((workspace.root / path).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except yaml.MarkedYAMLError as error:
        at = Where(where.file, error.problem_mark.line + 1 if error.problem_mark else None)
        raise SpecError(f"this timetable is not YAML: {error.problem}", hint=hint, where=at) from error
    except (OSError, yaml.YAMLError) as error:
        raise SpecError(f"this timetable cannot be read: {error}", hint=hint, where=where) from error
    except ValidationError as error:
        wrong = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in wrong["loc"])
        sentence = wrong["msg"].removeprefix("Value error, ")
        raise SpecError(f"this timetable does not fit: {key}: {sentence}", hint=hint, where=where) from error
