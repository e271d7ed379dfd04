"""A tracker: what an outside system of records, such as MLflow, is told of a model's runs, versions and aliases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from mvops.contracts.trackers import Seen, Tracker
from mvops.core.action import Action, Verb
from mvops.core.address import Address, address, name_of
from mvops.core.counts import counted
from mvops.core.spec import UNKNOWN, Spec, has_unknown
from mvops.core.state import Observed, Record
from mvops.core.steps import LogRun, LogVersion, SetAliases, Step
from mvops.errors import BackendError, MissingExtraError, why_not
from mvops.kinds.kind import Look
from mvops.kinds.model import ModelKind
from mvops.kinds.pipeline import PipelineKind
from mvops.kinds.pipeline_spec import PipelineSpec
from mvops.kinds.standing import is_otherwise, standing
from mvops.workspace import Workspace, tracker_books


class TrackerSpec(Spec):
    """`runs` are ids, oldest first; `versions` maps numbers to the sha256 of their artefact; `owner` is this project.

    Runs are history: one that is deleted there is not told again. Versions and aliases are kept in step.
    """

    kind: ClassVar[str] = "tracker"
    backend: str
    options: dict[str, Any]
    owner: str
    runs: tuple[str, ...] | str
    versions: dict[str, str] | str
    aliases: dict[str, int] | str


class TrackerKind:
    """Done by telling; nothing that serves depends on it."""

    name = "tracker"
    after: tuple[str, ...] = ("model",)

    def desired(self, look: Look) -> Iterator[TrackerSpec]:
        """One for each model, where the tracker is a system of its own."""
        if is_wanted(look.workspace):
            for pipeline in look.wanted(PipelineKind()).values():
                yield _spec(look, pipeline)

    def settled(self, where: Address, look: Look) -> TrackerSpec | None:
        """With the runs and versions that there are now."""
        pipeline = PipelineKind().settled(where, look) if is_wanted(look.workspace) else None
        if pipeline is None:
            return None
        needed = {pipeline.address, address("model", pipeline.name)}
        # no others: what is recorded is looked for all at once
        return _spec(
            replace(look, records={each: look.records[each] for each in needed & look.records.keys()}), pipeline
        )

    def observe(self, where: Address, record: Record | None, look: Look) -> Observed | None:
        """Which versions are there and where the aliases point. What cannot be looked at is said, and no drift."""
        name = name_of(where)
        backend, options = _told_to(look, name, record)
        books = tracker_books(look.workspace, options)
        try:
            tracker: Tracker = look.backend("trackers", backend)
            seen = tracker.look(books, name)
        except BackendError as error:
            return Observed(facts={}, unseen=why_not(error))
        if seen is None:
            return None
        if record is None:  # of ours without a record: what an apply that was interrupted has left is gone on with
            return None if seen.owner in {None, books.owner} else Observed(facts={"owner": seen.owner})
        return Observed(facts=_facts(seen, as_the_registry_stands(look, name, backend, options)))

    def steps(self, action: Action, look: Look) -> Iterator[Step]:
        """Tell what it was not told, then set the aliases, so that they never point to nothing."""
        spec = (action.before if action.verb is Verb.DELETE else action.after) or {}
        name = name_of(action.address)
        to: dict[str, Any] = {"backend": spec["backend"], "options": spec["options"], "model": name}
        if action.verb is Verb.DELETE:
            yield SetAliases(**to, aliases={})
            return
        tracker: Tracker = look.backend("trackers", spec["backend"])
        seen = tracker.look(tracker_books(look.workspace, spec["options"]), name)
        known = set(_before(action).get("runs", ()))
        for run in spec["runs"]:
            if run not in known:
                yield LogRun(**to, run=run)
        there = {str(number) for number in (seen and seen.versions) or {}}
        from mvops.registry.versions import find_version  # noqa: PLC0415 -- SQLModel, which few plans need

        for number in sorted(spec["versions"], key=int):
            version = find_version(look.workspace.registry, name, int(number))
            if number not in there and version is not None:
                yield LogRun(**to, run=version.run)
                yield LogVersion(**to, number=int(number))
        yield SetAliases(**to, aliases=spec["aliases"])

    def details(self, action: Action, look: Look) -> Iterator[str]:
        """How much is told, and to whom."""
        del look
        spec = action.after or {}
        if action.verb is Verb.DELETE:
            yield "its aliases are taken away; runs and versions are history and stay"
        elif action.verb is Verb.CONFLICT:
            yield "the tracker has a model of this name from another project: set tracker.options.prefix"
        elif has_unknown(spec):
            yield f"{spec['backend']} is told of the run and the version that are made"
        elif action.verb in {Verb.CREATE, Verb.UPDATE}:
            before = _before(action)
            new = {part: len(set(spec[part]) - set(before.get(part, ()))) for part in ("runs", "versions")}
            told = " and ".join(counted(new[part], part.rstrip("s")) for part in ("runs", "versions"))
            yield f"{spec['backend']} is told of {told}"

    def seconds(self, action: Action, look: Look) -> float:
        """No time worth telling."""
        del action, look
        return 0.0


def is_wanted(workspace: Workspace) -> bool:
    """Does the YAML want a tracker that is a system of its own."""
    project = workspace.project
    return project.capabilities.tracking and _external(workspace, project.tracker.backend)


def _spec(look: Look, pipeline: PipelineSpec) -> TrackerSpec:
    wanted = look.workspace.project.tracker
    spec = as_the_registry_stands(look, pipeline.name, wanted.backend, wanted.options)
    unknown = {"runs": UNKNOWN, "versions": UNKNOWN, "aliases": UNKNOWN}
    return spec.model_copy(update=unknown) if _will_run(look, pipeline) else spec


def _before(action: Action) -> dict[str, Any]:
    """What this very tracker was told; nothing where it is another one, or lost all that it had."""
    before, after = action.before or {}, action.after or {}
    same = all(before.get(field) == after.get(field) for field in ("backend", "options"))
    return before if same and action.verb is not Verb.CREATE else {}


def as_the_registry_stands(look: Look, name: str, backend: str, options: Mapping[str, Any]) -> TrackerSpec:
    """What the tracker should hold of a model now, whatever the YAML wants next."""
    from mvops.registry.told import history  # noqa: PLC0415 -- SQLModel, which few plans need

    told = history(look.workspace.registry, name)
    return TrackerSpec(
        name=name,
        needs=(address("model", name),),
        backend=backend,
        options=dict(options),
        owner=tracker_books(look.workspace, options).owner,
        runs=told.runs,
        versions={str(number): sha256 for number, sha256 in told.versions.items()},
        aliases=told.aliases,
    )


def _facts(seen: Seen, wanted: TrackerSpec) -> dict[str, Any]:
    """Only what can be seen, and only of what is ours: versions and aliases of theirs are no drift."""
    facts: dict[str, Any] = {} if seen.owner is None else {"owner": seen.owner}
    if seen.versions is not None:
        facts["versions"] = {
            str(number): sha256 for number, sha256 in sorted(seen.versions.items()) if str(number) in wanted.versions
        }
    if seen.aliases is not None:
        facts["aliases"] = dict(sorted(seen.aliases.items()))
    return facts


def _external(workspace: Workspace, backend: str) -> bool:
    """A library that is missing is told when the tracker is looked at: no model waits for it."""
    try:
        tracker: Tracker = workspace.backend("trackers", backend)
    except MissingExtraError:
        return True
    return tracker.external


def _told_to(look: Look, name: str, record: Record | None) -> tuple[str, dict[str, Any]]:
    """Backend and options as the YAML says; as recorded where it does not want this tracker any more."""
    project = look.workspace.project
    if record is None or (name in project.models and is_wanted(look.workspace)):
        return project.tracker.backend, dict(project.tracker.options)
    return record.spec["backend"], record.spec["options"]


def _will_run(look: Look, pipeline: PipelineSpec) -> bool:
    """Will this plan run the pipeline or make a version."""
    model = address("model", pipeline.name)
    ran, made = look.records.get(pipeline.address), look.records.get(model)
    return (
        ran is None
        or made is None
        or (is_otherwise(look, pipeline) and pipeline.name not in look.once(standing))
        or PipelineKind().observe(pipeline.address, ran, look) is None
        or ModelKind().observe(model, made, look) is None
    )
