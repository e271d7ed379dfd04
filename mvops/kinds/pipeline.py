"""A pipeline: the steps of a promoted notebook, run with these parameters on these inputs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mvops.core.action import Action, Verb
from mvops.core.address import Address, name_of
from mvops.core.code_change import CodeChange
from mvops.core.state import Observed, Record
from mvops.core.steps import GoBack, RunPipeline, Step
from mvops.errors import MvopsError, SpecError
from mvops.features.joined import job_of
from mvops.kinds.code_changes import code_changes
from mvops.kinds.kind import Look
from mvops.kinds.parameter_edits import edited_in_vain
from mvops.kinds.pins import PINS, changed_pins, told_of_pins
from mvops.kinds.pipeline_spec import Pipelines, PipelineSpec, pipeline_spec, step_plans
from mvops.kinds.recorded import kept, runs
from mvops.kinds.standing import stands
from mvops.lifecycle.pins import required_packages
from mvops.notebook.flaws import flaws
from mvops.notebook.jobs import pipeline_job
from mvops.notebook.results import StepPlan
from mvops.registry.runs import find_run, step_seconds

_CODE = ("notebook", "later", "steps.", "sources")  # fields


class PipelineKind:
    """Done by a run; the run's values are kept in the artefact store."""

    name = "pipeline"
    after: tuple[str, ...] = ("dataset", "feature_service")

    def desired(self, look: Look) -> Iterator[PipelineSpec]:
        """One for each model."""
        yield from look.wanted(Pipelines()).values()

    def settled(self, where: Address, look: Look) -> PipelineSpec | None:
        """As its notebook and data are now."""
        name = name_of(where)
        return pipeline_spec(look, name) if name in look.workspace.project.models else None

    def observe(self, where: Address, record: Record | None, look: Look) -> Observed | None:
        """There if the run that made it is still in the registry, and what it handed over is in the store."""
        del where
        made = look.once(runs).get(record.outputs.get("run", "")) if record else None
        return Observed(facts={}) if made is not None and look.once(kept).issuperset(made) else None

    def steps(self, action: Action, look: Look) -> Iterator[Step]:
        """Run it, or take up the champion's run. What is no longer wanted leaves its runs in the registry."""
        champion = stands(action, look)
        if champion is not None:
            why = f"the YAML wants what version {champion.number} was trained with"
            yield GoBack(model=name_of(action.address), outputs={"run": champion.run}, champion=None, reason=why)
        elif action.verb is not Verb.DELETE:
            anew = action.verb is Verb.REPLACE
            yield RunPipeline(model=name_of(action.address), reason=action.because, anew=anew)

    def details(self, action: Action, look: Look) -> Iterator[str]:
        """Step by step: what runs, why, and what comes from the cache; and which edits come to nothing."""
        if action.verb in {Verb.DELETE, Verb.FORGET}:
            return
        record = look.records.get(action.address)
        yield from edited_in_vain(look, name_of(action.address), record.outputs.get("run", "") if record else "")
        if action.verb is Verb.KEEP:
            return
        if champion := stands(action, look):
            yield f"nothing runs: it is the run {champion.run} again, of version {champion.number}, the champion"
            return
        yield from told_of_pins(look, name_of(action.address), action.before or {}, action.after or {})
        plans = step_plans(look, name_of(action.address))
        width = max(len(plan.name) for plan in plans)
        before = action.before or {}
        for plan in plans:
            why = "runs: requested" if action.verb is Verb.REPLACE else _why(plan, before, action)
            yield f"{plan.name:<{width}}  {why}"

    def code(self, action: Action, look: Look) -> Iterator[CodeChange]:
        """What changed since the run on record."""
        record = look.records.get(action.address)
        if record is None or not action.before or not action.after:
            return
        if any(change.field.startswith(_CODE) for change in action.changes):
            run = find_run(look.workspace.registry, record.outputs.get("run", ""))
            yield from code_changes(run, action.before, action.after, look) if run else ()
        yield from changed_pins(look, name_of(action.address), action.before, action.after)

    def seconds(self, action: Action, look: Look) -> float:
        """The medians of the steps that will run."""
        if not action.changes_the_world or action.verb is Verb.DELETE or stands(action, look):
            return 0.0
        name = name_of(action.address)
        known = step_seconds(look.workspace.registry, name)
        anew = action.verb is Verb.REPLACE
        return sum(known.get(plan.name, 0.0) for plan in step_plans(look, name) if anew or not plan.cached)


def pipeline_flaws(look: Look, name: str) -> Iterator[MvopsError]:
    """Everything that keeps a model's pipeline from being planned, but data that are missing."""
    root, pipeline = look.workspace.root, look.workspace.project.models[name].pipeline
    try:
        job = job_of(look.workspace, name)
    except MvopsError as error:
        yield error
        job = pipeline_job(root, name, pipeline)
    yield from flaws(job)
    if pipeline.requirements is not None:
        try:
            required_packages(root, name, pipeline.requirements, "")
        except SpecError as error:
            yield error


def _why(plan: StepPlan, before: dict[str, Any], action: Action) -> str:
    if plan.cached:
        return "from the cache"
    known = before.get("steps", {})
    if plan.name not in known:
        return "runs: new step" if known else "runs: first time"
    if action.reason == "gone" and before == action.after:
        return "runs: what it made is gone"
    if known[plan.name] != (action.after or {})["steps"].get(plan.name):
        return "runs: its code changed"
    if any(c.field.startswith("environment") and c.field != PINS for c in action.changes):
        return "runs: environment changed"
    changed = [c.field for c in action.changes if c.field.startswith(("parameters.", "inputs.", "sources."))]
    mine = [field for field in changed if field.partition(".")[2] in {**plan.parameters, **plan.inputs, **plan.sources}]
    told = (field.removeprefix("sources.") for field in mine)
    return f"runs: {', '.join(told)} changed" if mine else "runs: a step before it changed"
