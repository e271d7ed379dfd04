"""Times that a person changed in the generated files of a schedule, and the keys of the YAML that say them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from datetime import timedelta

from mvops.contracts.schedulers import Timetable
from mvops.core.address import Address
from mvops.core.config.scheduler import chains
from mvops.core.cron import plain_cron
from mvops.core.durations import format_duration
from mvops.core.outside import Accepted, Outside
from mvops.kinds.jobs import as_cron
from mvops.kinds.kind import Look

_BACK = "mvops refresh --revert puts back the time that was generated"
_PERIODS = (
    *(timedelta(minutes=n) for n in range(1, 60)),
    *(timedelta(hours=n) for n in range(1, 24)),
    timedelta(days=1),
)


def edited_times(timetable: Timetable, generated: str, there: str) -> dict[str, str]:
    """Job -> its schedule in the edited text, where a line differs from the generated one in the schedule alone.

    Two jobs of the same schedule are told apart by the order in which they stand in the file.
    """
    edited = _edited(timetable, generated, there)
    return {job: plain_cron(time) for job, time in edited.items() if not _wrong(time)}


def wrong_times(timetable: Timetable, generated: str, there: str) -> dict[str, str]:
    """Job -> why what stands there for its schedule is none."""
    return {job: wrong for job, time in _edited(timetable, generated, there).items() if (wrong := _wrong(time))}


def with_times_of(timetable: Timetable, generated: str, there: str, jobs: Collection[str]) -> str:
    """The edited text with the schedules of these jobs as they were generated; other edits stay."""
    before, after = generated.splitlines(), there.splitlines(keepends=True)
    edited = _edited(timetable, generated, there)
    moved = {(job.schedule, edited[job.name]) for job in timetable.jobs if job.name in jobs and job.name in edited}
    bare = [line.rstrip("\r\n") for line in after]
    for tag, first, last, start, end in difflib.SequenceMatcher(None, before, bare, autojunk=False).get_opcodes():
        for number in range(start, end) if tag == "replace" else ():
            was = (line for line in before[first:last] for pair in moved if _is_moved(line, bare[number], *pair))
            after[number] = next(was, bare[number]) + after[number][len(bare[number]) :]
    return "".join(after)


def as_in_yaml(look: Look, where: Address, job: str, schedule: str) -> Outside:
    """The schedule of a job as the key of the YAML that it comes from says it, or why none can."""
    project = look.workspace.project
    sort, _, name = job.partition("_")
    what = f"{job} runs at {schedule} in its file, edited by hand"
    if sort == "retrain":
        chain = next((chain for chain in chains(project.models) if chain[0] == name), (name,))
        said = [model for model in chain if _says(look, model)]
        if len(said) == 1:
            accepted = Accepted(path=("models", said[0], "retrain", "schedule"), value=schedule)
            return Outside(address=where, what=what, whose="yours", accepted=accepted)
        why = f"more than one of {', '.join(chain)} says it: change it there"
        return Outside(address=where, what=what, whose="yours", why_not=why)
    keys: dict[str, tuple[str, ...]] = {
        "monitor": ("models", name, "monitor", "every"),
        "rollout": ("models", name, "rollout", "every"),
        "features": ("feature_store", "every"),
    }
    path = keys.get(sort, ())
    period = next((each for each in _PERIODS if as_cron(each) == schedule), None)
    if not path or period is None:
        key = ".".join(path) or "no key of the YAML"
        why = f"{key} is a period, such as 6h, and cannot say this time: the file is yours, and stays as it is; {_BACK}"
        return Outside(address=where, what=what, whose="yours", why_not=why)
    accepted = Accepted(path=path, value=format_duration(period))
    return Outside(address=where, what=what, whose="yours", accepted=accepted)


def mended_by_hand(where: Address, job: str, wrong: str) -> Outside:
    """A schedule that is none."""
    what = f"the time of {job} in its file, edited by hand, is none: {wrong}"
    why = f"mend it there; or delete the file, and mvops apply writes it anew; {_BACK}"
    return Outside(address=where, what=what, whose="yours", why_not=why)


def _says(look: Look, model: str) -> bool:
    retrain = look.workspace.project.models[model].retrain if model in look.workspace.project.models else None
    return retrain is not None and retrain.schedule is not None


def _edited(timetable: Timetable, generated: str, there: str) -> dict[str, str]:
    """Job -> what stands for its schedule in the edited text."""
    before, after = generated.splitlines(), there.replace("\r\n", "\n").splitlines()
    lines = _jobs_of_lines(timetable, before)
    found: dict[str, str] = {}
    for tag, first, last, start, end in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        theirs = iter(after[start:end] if tag == "replace" else ())
        for number in sorted(lines.keys() & set(range(first, last))):
            name, schedule = lines[number]
            moved = next((time for line in theirs if (time := _moved(before[number], line, schedule))), None)
            if moved:
                found[name] = moved
    return found


def _wrong(schedule: str) -> str:
    """Why that is no schedule; nothing for one."""
    try:
        plain_cron(schedule)
    except ValueError as error:
        return str(error)
    return ""


def _jobs_of_lines(timetable: Timetable, lines: list[str]) -> dict[int, tuple[str, str]]:
    """Number of a generated line -> the job whose schedule it says, and that schedule."""
    found: dict[int, tuple[str, str]] = {}
    start = 0
    for job in timetable.jobs:
        for number in range(start, len(lines)):
            if job.schedule in lines[number]:
                found[number] = (job.name, job.schedule)
                start = number + 1
                break
    return found


def _is_moved(before: str, after: str, schedule: str, time: str) -> bool:
    return schedule in before and _moved(before, after, schedule) == time


def _moved(before: str, after: str, schedule: str) -> str | None:
    """What stands for the schedule in a line that is the same but for it; not where the line is commented out."""
    head, _, tail = before.partition(schedule)
    found = re.fullmatch(rf"{re.escape(head)}([^#].*){re.escape(tail)}", after)
    moved = found[1].strip() if found else ""
    return moved if moved not in {"", schedule} else None
