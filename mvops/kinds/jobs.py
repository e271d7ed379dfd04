"""What is to be done by the clock. A new job is a function here: an entry for each, and its place in `SOURCES`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from mvops.contracts.schedulers import LOOKING, Command, Job, Part, Scheduler
from mvops.core.address import Address, address
from mvops.core.config.model import Model
from mvops.core.config.project import Project
from mvops.core.config.scheduler import chain_schedule, chains
from mvops.core.environment import option
from mvops.kinds.kind import Look
from mvops.notebook.document import read_documents
from mvops.notebook.slices import slice_notebooks

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Entry:
    """A job in the timetable `timetable`, which is there once `needs` are.

    `pipelines` names the commands that run the pipeline of the model of the same name.
    """

    timetable: str
    job: Job
    needs: tuple[Address, ...]
    pipelines: tuple[str, ...] = ()


def entries(look: Look) -> Iterator[Entry]:
    """All jobs of the project; in an environment, their commands name it."""
    named = option(look.workspace.project.environment)
    for source in SOURCES:
        for entry in source(look):
            commands = tuple(
                command.model_copy(update={"arguments": (*command.arguments, *named)}) for command in entry.job.commands
            )
            yield replace(entry, job=entry.job.model_copy(update={"commands": commands}))


def with_parts(look: Look, entry: Entry) -> Job:
    """The job, with the steps of a pipeline before the command that runs it. Raises NotebookError."""
    commands = tuple(
        command.model_copy(update={"parts": _parts(look, command.name)}) if command.name in entry.pipelines else command
        for command in entry.job.commands
    )
    return entry.job.model_copy(update={"commands": commands})


def _parts(look: Look, model: str) -> tuple[Part, ...]:
    pipeline = look.workspace.project.models[model].pipeline
    workspace = look.workspace
    documents = read_documents([workspace.source(book) for book in pipeline.books], workspace.root)
    return tuple(
        Part(
            name=step.name,
            arguments=("run", model, "--step", step.name, *option(look.workspace.project.environment)),
            after=step.upstream,
        )
        for step in slice_notebooks(documents, pipeline.outputs.model_dump(exclude_none=True), workspace.root)
    )


def _monitoring(look: Look) -> Iterator[Entry]:
    project = look.workspace.project
    for name, model in sorted(project.models.items()):
        if model.monitor is None or not project.capabilities.monitoring:
            continue
        asks = ("--retrain",) if _alerts_retrain(project, model) else ()
        job = Job(
            name=f"monitor_{name}",
            schedule=as_cron(model.monitor.every),
            description="summaries, drift and performance of what is new in the prediction log",
            commands=(Command(name=name, arguments=("monitor", name, *asks)),),
        )
        yield Entry(name, job, (address("model", name),))


def _rolling(look: Look) -> Iterator[Entry]:
    """Not where each run starts on an empty machine: it asks the endpoint, which counts for its own machine."""
    project = look.workspace.project
    scheduler: Scheduler = look.backend("schedulers", project.scheduler.backend)
    for name, model in sorted(project.models.items()):
        if model.rollout.every is None or not project.by_canary(name) or scheduler.empty_machines:
            continue
        job = Job(
            name=f"{LOOKING}{name}",
            schedule=as_cron(model.rollout.every),
            description="a challenger that is rolled out goes on, or is rolled back",
            commands=(Command(name=name, arguments=("rollout", "status", name)),),
        )
        yield Entry(name, job, (address("model", name),))


def _materializing(look: Look) -> Iterator[Entry]:
    """For each endpoint the views that it looks up; what several look up is brought in once, as only news is."""
    project = look.workspace.project
    for name, model in sorted(project.models.items()):
        features = model.pipeline.features
        if features is None or model.endpoint is None or not project.capabilities.serving:
            continue
        job = Job(
            name=f"features_{name}",
            schedule=as_cron(project.feature_store.every),
            description="new values of the features that the endpoint looks up",
            commands=(Command(name=name, arguments=("features", "materialize", *sorted(features.fields))),),
        )
        yield Entry(name, job, (address("feature_service", name),))


def _retraining(look: Look) -> Iterator[Entry]:
    """A chain of models is one job, in the timetable of the first."""
    project = look.workspace.project
    for chain in chains(project.models) if project.capabilities.retraining else ():
        schedule = chain_schedule(project.models, chain)
        if schedule is None:
            continue
        order = f": {', then '.join(chain)}" if len(chain) > 1 else ""
        job = Job(
            name=f"retrain_{chain[0]}",
            schedule=schedule,
            description=f"train, evaluate, gate, roll out{order}",
            commands=tuple(_retrain(name, project.models[name]) for name in chain),
        )
        yield Entry(chain[0], job, tuple(address("model", name) for name in chain), pipelines=chain)


def _retrain(name: str, model: Model) -> Command:
    after = model.retrain.after if model.retrain else ()
    return Command(name=name, arguments=("retrain", name, "--reason", "schedule", "--lock-timeout", "1h"), after=after)


def _alerts_retrain(project: Project, model: Model) -> bool:
    return bool(project.capabilities.retraining and model.retrain is not None and model.retrain.on)


def as_cron(every: timedelta) -> str:
    """A little after each window has ended."""
    if every < _HOUR:
        return f"*/{max(1, int(every.total_seconds() // 60))} * * * *"
    if every < _DAY:
        return f"5 */{max(1, int(every / _HOUR))} * * *"
    return "5 0 * * *"


SOURCES: tuple[Callable[[Look], Iterator[Entry]], ...] = (_monitoring, _rolling, _materializing, _retraining)
