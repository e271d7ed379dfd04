"""A schedule: the file that makes a scheduler run mvops for a model."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, ClassVar

from mvops.contracts.schedulers import Job, Scheduler, Timetable
from mvops.core.action import Action, Verb
from mvops.core.address import Address, address, name_of
from mvops.core.config.model import Model
from mvops.core.config.project import Project
from mvops.core.spec import Spec
from mvops.core.state import Observed, Record
from mvops.core.steps import RemoveFiles, Step, WriteFiles
from mvops.kinds.generated import digests, edited, observed
from mvops.kinds.kind import Look

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


class ScheduleSpec(Spec):
    """`jobs` are command lines by the clock, `files` the generated files with the digests of their text."""

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
        project = look.workspace.project
        for name, model in sorted(project.models.items()):
            jobs = tuple(_jobs(project, name, model))
            if not jobs:
                continue
            backend = model.retrain.backend if model.retrain else "cron"
            scheduler: Scheduler = look.backend("schedulers", backend)
            timetable = Timetable(project=project.project, model=name, jobs=jobs)
            yield ScheduleSpec(
                name=name,
                needs=(address("model", name),),
                backend=backend,
                timetable=timetable.model_dump(mode="json"),
                files=digests(scheduler.folder(name), scheduler.files(timetable)),
            )

    def observe(self, where: Address, record: Record | None, look: Look) -> Observed | None:
        """The files as they are."""
        wanted = next((spec.files for spec in self.desired(look) if spec.address == where), {})
        there = observed(look.workspace.root, wanted, record.spec["files"] if record else {})
        return None if there is None else Observed(facts={"files": there})

    def steps(self, action: Action, look: Look) -> Iterator[Step]:
        """Write or remove the files."""
        recorded = (action.before or {}).get("files", {})
        if action.verb is Verb.DELETE:
            yield RemoveFiles(files=recorded)
            return
        wanted = action.after or {}
        scheduler: Scheduler = look.backend("schedulers", wanted["backend"])
        folder = scheduler.folder(name_of(action.address))
        files = scheduler.files(Timetable.model_validate(wanted["timetable"]))
        texts = {f"{folder}/{path}": text for path, text in files.items()}
        yield WriteFiles(files=texts, ours=recorded)
        gone = {path: digest for path, digest in recorded.items() if path not in texts}
        if gone:
            yield RemoveFiles(files=gone)

    def details(self, action: Action, look: Look) -> Iterator[str]:
        """The jobs, and what a person has changed."""
        before, after = ((spec or {}).get("timetable", {}).get("jobs", []) for spec in (action.before, action.after))
        if action.verb is Verb.CREATE:
            yield from (f"{job['schedule']:<12} {job['description']}" for job in after)
        elif action.verb is Verb.UPDATE:
            yield from _moved(before, after)
        for path in edited(look.workspace.root, (action.before or {}).get("files", {})):
            changed = action.verb is not Verb.KEEP
            yield f"{path} was edited by hand and stays" + (f"; new text goes to {path}.new" if changed else "")

    def seconds(self, action: Action, look: Look) -> float:
        """No time."""
        del action, look
        return 0.0


def _jobs(project: Project, name: str, model: Model) -> Iterator[Job]:
    if model.monitor is not None and project.capabilities.monitoring:
        yield Job(
            name="monitor",
            schedule=_cron(model.monitor.every),
            arguments=("monitor", name, *(("--retrain",) if _alerts_retrain(project, model) else ())),
            description="summaries, drift and performance of what is new in the prediction log",
        )
    if model.retrain is not None and model.retrain.schedule and project.capabilities.retraining:
        yield Job(
            name="retrain",
            schedule=model.retrain.schedule,
            arguments=("retrain", name, "--reason", "schedule"),
            description="train, evaluate, gate, roll out",
        )


def _moved(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> Iterator[str]:
    """What is run at other times than before."""
    was, now = ({job["name"]: job["schedule"] for job in jobs} for jobs in (before, after))
    for name in sorted(was.keys() | now.keys()):
        if was.get(name) != now.get(name):
            yield f"{name}: {was.get(name, '(none)')} -> {now.get(name, '(none)')}"


def _alerts_retrain(project: Project, model: Model) -> bool:
    return bool(project.capabilities.retraining and model.retrain is not None and model.retrain.on)


def _cron(every: timedelta) -> str:
    """A little after each window has ended."""
    if every < _HOUR:
        return f"*/{max(1, int(every.total_seconds() // 60))} * * * *"
    if every < _DAY:
        return f"5 */{max(1, int(every / _HOUR))} * * *"
    return "5 0 * * *"
