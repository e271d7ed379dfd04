"""A schedule: the files that make a scheduler run mvops for a model, or for a chain of models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, ClassVar

from mvops.atomic import content_at
from mvops.contracts.schedulers import Scheduler, Timetable
from mvops.core.action import Action, Verb
from mvops.core.address import Address, kind_of, name_of
from mvops.core.outside import Outside
from mvops.core.regeneration import is_text
from mvops.core.spec import Spec
from mvops.core.state import Observed, Record
from mvops.core.steps import Step
from mvops.kinds.edited_times import as_in_yaml, edited_times, mended_by_hand, with_times_of, wrong_times
from mvops.kinds.generated import file_steps, made_of_files, recalled_digests
from mvops.kinds.jobs import Entry, entries, with_parts
from mvops.kinds.kind import Look
from mvops.kinds.machines import as_checked_out, machine
from mvops.registry.texts import find_text


class ScheduleSpec(Spec):
    """`timetable` holds command lines by the clock, `files` the generated files with the digests of their text."""

    kind: ClassVar[str] = "schedule"
    backend: str
    timetable: dict[str, Any]
    files: dict[str, str]


class ScheduleKind:
    """Done by writing files for the scheduler."""

    name = "schedule"
    after: tuple[str, ...] = ("model",)

    def desired(self, look: Look) -> Iterator[ScheduleSpec]:
        """One for each model that something is to be done for by the clock."""
        backend = look.workspace.project.scheduler.backend
        scheduler: Scheduler = look.backend("schedulers", backend)
        found: dict[str, list[Entry]] = {}
        for entry in entries(look):
            found.setdefault(entry.timetable, []).append(entry)
        for name, mine in sorted(found.items()):
            timetable = _timetable(look, scheduler, name, mine)
            told = timetable.model_dump(mode="json")
            folder = look.workspace.generated(scheduler.folder(name))
            yield ScheduleSpec(
                name=name,
                needs=tuple(dict.fromkeys(needed for entry in mine for needed in entry.needs)),
                backend=backend,
                timetable=told,
                files=recalled_digests(look, ["schedule", backend, told], folder, partial(scheduler.files, timetable)),
            )

    def observe(self, where: Address, record: Record | None, look: Look) -> Observed | None:
        """The files as they are."""
        return made_of_files(look.workspace.root, look.wanted(self).get(where), record)

    def steps(self, action: Action, look: Look) -> Iterator[Step]:
        """Write or remove the files."""
        deleted = action.verb is Verb.DELETE
        yield from file_steps(action, {} if deleted else self.texts(action.address, action.after or {}, look))

    def texts(self, where: Address, spec: Mapping[str, Any], look: Look) -> dict[str, str]:
        """The files."""
        scheduler: Scheduler = look.backend("schedulers", spec["backend"])
        folder = look.workspace.generated(scheduler.folder(name_of(where)))
        files = scheduler.files(Timetable.model_validate(spec["timetable"]))
        return {f"{folder}/{path}": text for path, text in files.items()}

    def details(self, action: Action, look: Look) -> Iterator[str]:
        """The jobs, and what the scheduler does not do of them."""
        before, after = ((spec or {}).get("timetable", {}).get("jobs", []) for spec in (action.before, action.after))
        if action.verb is Verb.UPDATE and action.before is not None:
            yield from _moved(before, after)
        elif action.verb in {Verb.CREATE, Verb.UPDATE}:
            yield from (f"{job['schedule']:<12} {job['description']}" for job in after)
        if action.verb in {Verb.CREATE, Verb.UPDATE}:
            wanted = action.after or {}
            scheduler: Scheduler = look.backend("schedulers", wanted["backend"])
            timetable = Timetable.model_validate(wanted["timetable"])
            if timetable.machine:
                timetable = timetable.model_copy(update={"machine": as_checked_out(timetable.machine, look)})
            yield from (f"{wanted['backend']}: {sentence}" for sentence in scheduler.limits(timetable))

    def accepted(self, action: Action, look: Look) -> Iterator[Outside]:
        """The times that were edited in its files."""
        for _, texts in _edited(look, look.records.get(action.address)):
            moved = _others(_times(action.after or {}), texts)
            yield from (as_in_yaml(look, action.address, job, time) for job, time in moved.items())
            yield from (mended_by_hand(action.address, job, wrong) for job, wrong in wrong_times(*texts).items())

    def seconds(self, action: Action, look: Look) -> float:
        """No time."""
        del action, look
        return 0.0


def with_generated_times(action: Action, look: Look) -> Iterator[tuple[str, str, list[str]]]:
    """Each file with edited times as it is without those edits: path, text, and the jobs whose times go back."""
    for path, texts in _edited(look, look.records.get(action.address)):
        jobs = sorted({*_others(_times(action.after or {}), texts), *wrong_times(*texts)})
        there = content_at(look.workspace.root / path)
        if jobs and there is not None:
            yield path, with_times_of(*texts[:2], there.decode(errors="surrogateescape"), jobs), jobs


def told_of_times(look: Look) -> Iterator[str]:
    """A sentence for each time that somebody edited in a generated file, or edited into none."""
    for where, record in sorted(look.records.items()):
        if kind_of(Address(where)) == ScheduleKind.name:
            for path, texts in _edited(look, record):
                yield from _told(look, Address(where), path, texts)


def _told(look: Look, where: Address, path: str, texts: tuple[Timetable, str, str]) -> Iterator[str]:
    for job, wrong in wrong_times(*texts).items():
        yield f"{path}, edited by hand, has no time for {job}: {wrong}"
    spec = look.wanted(ScheduleKind()).get(where)
    wanted = _times(spec.fields() if spec else {})
    for job, time in _others(wanted, texts).items():
        found = as_in_yaml(look, where, job, time)
        what = f"{path}, edited by hand, runs {job} at {time}, where the YAML says {wanted[job]}"
        if found.accepted is None:
            yield f"{what}. mvops refresh cannot accept it: {found.why_not}"
        else:
            yield f"{what}. It stays: mvops refresh --accept writes it into the YAML, --revert puts it back"


def _times(spec: Mapping[str, Any]) -> dict[str, str]:
    """Job -> its time."""
    return {job["name"]: job["schedule"] for job in spec.get("timetable", {}).get("jobs", ())}


def _others(wanted: Mapping[str, str], texts: tuple[Timetable, str, str]) -> dict[str, str]:
    """Job -> its edited time, where that is not what the YAML wants."""
    return {job: time for job, time in edited_times(*texts).items() if wanted.get(job) not in {None, time}}


def _edited(look: Look, record: Record | None) -> Iterator[tuple[str, tuple[Timetable, str, str]]]:
    """Each file that was edited: its path, what it is made of, its text as it was generated and as it is."""
    if record is None:
        return
    for path, digest in sorted(record.spec["files"].items()):
        there = content_at(look.workspace.root / path)
        text = None if there is None or is_text(there, digest) else find_text(look.workspace.registry, digest)
        if there is not None and text is not None:
            timetable = Timetable.model_validate(record.spec["timetable"])
            yield path, (timetable, text.decode(), there.decode(errors="replace"))


def _timetable(look: Look, scheduler: Scheduler, name: str, found: list[Entry]) -> Timetable:
    settings = look.workspace.project.scheduler
    return Timetable(
        project=look.workspace.project.project,
        name=name,
        jobs=tuple(with_parts(look, entry) if scheduler.shows_parts else entry.job for entry in found),
        timezone=settings.timezone,
        retries=settings.retries,
        retry_delay=settings.retry_delay.total_seconds(),
        timeout=settings.timeout.total_seconds() if settings.timeout else None,
        machine=machine(look, [name], settings.secrets) if scheduler.empty_machines else None,
        environment=look.workspace.project.environment,
    )


def _moved(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> Iterator[str]:
    """What is run at other times than before."""
    was, now = ({job["name"]: job["schedule"] for job in jobs} for jobs in (before, after))
    for name in sorted(was.keys() | now.keys()):
        if was.get(name) != now.get(name):
            yield f"{name}: {was.get(name, 'not run')} -> {now.get(name, 'not run')}"
