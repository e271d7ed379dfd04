"""A schedule that is there already as a key of a model's YAML: which entry, which model, in whose time zone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from mvops.core.cron import check_timezone, plain_cron
from mvops.core.naming import suggest_name
from mvops.core.outside import Accepted
from mvops.errors import ConflictError, UsageError
from mvops.sources.command_lines import Runs
from mvops.sources.source import Asked, Taken, text_of
from mvops.workspace import Workspace

_OURS = "mvops"
_SAME = {"Etc/UTC", "Etc/GMT", "GMT", "UCT", "Etc/UCT", "Zulu", "Universal"}
_NAMED = 2  # how well an entry fits that runs a file called like the model


@dataclass(frozen=True)
class Entry:
    """One time of the clock, and what is run then. `where` says where it stands, for people, and `away` how it goes.

    `schedule` is as written there; where it is no time of the clock, `refused` says what it is. `timezone` is None
    where it is not known.
    """

    schedule: str
    what: str
    runs: tuple[Runs, ...]
    where: str
    away: str
    timezone: str | None = None
    refused: str = ""


def scheduled(entries: Sequence[Entry], asked: Asked, workspace: Workspace, source: str) -> Taken:
    """The entry that trains the model, as `retrain.schedule` of its YAML.

    Raises UsageError where it is not clear which entry or model, and for a schedule that the YAML cannot say;
    ConflictError for another time zone than that of the project's other schedules.
    """
    entry, name = _chosen(dict(enumerate(entries, start=1)), asked, workspace, source)
    if entry.refused:
        raise UsageError(f"{entry.where}: {entry.refused}", hint=_BY_HAND)
    try:
        schedule = plain_cron(entry.schedule)
        zone = check_timezone(entry.timezone) if entry.timezone else None
    except ValueError as error:
        raise UsageError(f"{entry.where}: {error}", hint=_BY_HAND) from None
    values = (*_timezone(zone, name, workspace), *_schedule(schedule, name, workspace))
    ours = bool(entry.runs) and all(run.tool == _OURS for run in entry.runs)
    stays = ours or not workspace.project.capabilities.retraining
    return Taken(
        name,
        f"the schedule of {entry.where}",
        f"{entry.where} trains {name} at {schedule}: {entry.what}",
        values=values,
        notes=tuple(_notes(zone, name, workspace)),
        after=("mvops plan", "mvops apply") if stays else ("mvops plan", "mvops apply", entry.away),
        already=not values,
    )


_BY_HAND = 'Write into the model\'s YAML when it is to be trained: retrain: {schedule: "0 3 * * 1"}, or {on: [drift]}'


def _chosen(entries: dict[int, Entry], asked: Asked, workspace: Workspace, source: str) -> tuple[Entry, str]:
    names = _models(asked, workspace)
    if asked.entry is not None:
        if not asked.entry.isdecimal() or int(asked.entry) not in entries:
            raise UsageError(f"--entry {asked.entry}: there is no such entry", hint=_listed(entries))
        entries = {int(asked.entry): entries[int(asked.entry)]}
        if asked.name is not None:
            return entries[int(asked.entry)], asked.name
    training = {number: entry for number, entry in entries.items() if entry.runs}
    if not training:
        raise UsageError(f"nothing that is known to train is run by the clock in {source}", hint=_listed(entries))
    ranked = [(_rank(entry, name, workspace), number, name) for number, entry in training.items() for name in names]
    best = max(rank for rank, _, _ in ranked)
    found = [(number, name) for rank, number, name in ranked if rank == best]
    if best == 0:  # only a person knows
        found = [(n, name) for n, name in found if asked.name and not _is_of_another(training[n], name, workspace)]
    if not found:
        of = names[0] if len(names) == 1 else "a model of this project"
        raise UsageError(f"it is not clear what in {source} trains {of}", hint=_listed(training))
    if len(found) > 1:
        models = sorted({name for _, name in found})
        raise UsageError(
            f"{len(found)} entries of {source} could be what trains {' or '.join(models)}",
            hint=_listed({number: training[number] for number, _ in found}),
        )
    return training[found[0][0]], found[0][1]


def _models(asked: Asked, workspace: Workspace) -> list[str]:
    if asked.name is not None:
        workspace.model(asked.name)
        return [asked.name]
    if not workspace.project.models:
        raise UsageError(
            "this project has no model that a schedule could train", hint="Make one first: mvops promote NOTEBOOK"
        )
    return sorted(workspace.project.models)


def _is_of_another(entry: Entry, name: str, workspace: Workspace) -> bool:
    return any(_rank(entry, other, workspace) >= _NAMED for other in workspace.project.models if other != name)


def _listed(entries: Mapping[int, Entry]) -> str:
    lines = [f"{number}  {entry.where}: {entry.schedule}  {entry.what}" for number, entry in entries.items()]
    known = "Known are papermill, jupyter nbconvert --execute, jupyter execute, python and mvops retrain."
    return "\n".join([*lines, f"Choose one: --entry NUMBER --model NAME. {known}"])


def _rank(entry: Entry, name: str, workspace: Workspace) -> int:
    """How well what it runs fits the model: by the name of the notebook or the model 2, with that name within 1."""
    model = workspace.project.models[name]
    paths = [each for book in model.pipeline.books for each in (book, _original(workspace, book))]
    books = {PurePosixPath(path).name for path in paths if path}
    best = 0
    for run in entry.runs:
        file = PurePosixPath(run.target).name
        if (run.tool == _OURS and run.target == name) or (run.tool != _OURS and file in books):
            best = max(best, _NAMED)
        elif run.tool != _OURS:
            words = suggest_name(file.removesuffix(".ipynb").removesuffix(".py"))
            best = max(best, _NAMED if words == name else int(f"_{name}_" in f"_{words}_"))
    return best


def _original(workspace: Workspace, book: str) -> str:
    """The notebook that a promoted one was made from, below the project; empty for none."""
    text = text_of(workspace.root / book)
    try:
        return str(json.loads(text or "")["metadata"]["mvops"]["source"])
    except (ValueError, KeyError, TypeError):
        return ""


def _schedule(schedule: str, name: str, workspace: Workspace) -> Iterator[Accepted]:
    retrain = workspace.project.models[name].retrain
    if retrain is None or retrain.schedule != schedule:
        yield Accepted(path=("models", name, "retrain", "schedule"), value=schedule)


def _timezone(zone: str | None, name: str, workspace: Workspace) -> Iterator[Accepted]:
    """One time zone for all schedules of the project."""
    there = workspace.project.scheduler.timezone
    if zone is None or _same_zone(zone, there):
        return
    others = [
        other for other, model in sorted(workspace.project.models.items()) if other != name and _by_clock(model.retrain)
    ]
    if others:
        raise ConflictError(
            f"it is in the time zone {zone}, and the schedules of this project ({', '.join(others)}) are in {there}",
            hint=f"A project has one time zone. If {zone} may be that of all: scheduler: {{timezone: {zone}}}",
        ).named_by("scheduler", "timezone")
    yield Accepted(path=("scheduler", "timezone"), value=zone)


def _by_clock(retrain: object) -> bool:
    return getattr(retrain, "schedule", None) is not None


def _same_zone(one: str, other: str) -> bool:
    return one == other or {one, other} <= _SAME | {"UTC"}


def _notes(zone: str | None, name: str, workspace: Workspace) -> Iterable[str]:
    if zone is None:
        there = workspace.project.scheduler.timezone
        yield f"it does not say its time zone; here it is read in {there}: scheduler.timezone"
    if not workspace.project.capabilities.retraining:
        yield (
            f"nothing is trained by the clock yet: capabilities: {{retraining: true}} has {name} trained; the old one"
            " stays until then"
        )
