"""A champion that was made of just what the YAML wants: where an edit was taken back, nothing is trained."""

from __future__ import annotations

from typing import NamedTuple

from mvops.core.action import Action, Verb
from mvops.core.address import address, name_of
from mvops.core.run import Run
from mvops.core.version import Version
from mvops.kinds.kind import Look
from mvops.kinds.pipeline_spec import Pipelines, PipelineSpec, step_plans, training_digest
from mvops.registry.runs import find_run


class Standing(NamedTuple):
    """The number of the version that serves, and the run that made it."""

    number: int
    run: str


def standing(look: Look) -> dict[str, Standing]:
    """Model -> its champion, where that is what the YAML wants, and what was applied last is not."""
    wanted = (spec for spec in look.wanted(Pipelines()).values() if is_otherwise(look, spec))
    found = {spec.name: _made_of_this(look, spec) for spec in wanted}
    return {name: champion for name, champion in found.items() if champion is not None}


def stands(action: Action, look: Look) -> Standing | None:
    """The champion for which nothing needs to be trained; None where something was asked for, or is gone."""
    changed = action.verb is Verb.UPDATE and action.reason == "changed"
    return look.once(standing).get(name_of(action.address)) if changed else None


def registered(action: Action, look: Look) -> int | None:
    """The version of the run on record, where a model was forgotten and its pipeline not: it is found, none is made."""
    name = name_of(action.address)
    ran = look.records.get(address("pipeline", name))
    wanted = look.wanted(Pipelines()).get(address("pipeline", name))
    if action.reason != "new" or ran is None or wanted is None or ran.spec != wanted.fields():
        return None
    from mvops.registry.versions import version_of_run  # noqa: PLC0415 -- as above

    version = version_of_run(look.workspace.registry, name, ran.outputs.get("run", ""))
    return None if version is None else version.number


def is_otherwise(look: Look, wanted: PipelineSpec) -> bool:
    """Was something else applied last; also where nothing was, that is on record, no."""
    ran, made = look.records.get(wanted.address), look.records.get(address("model", wanted.name))
    if ran is None or made is None:
        return False
    task = look.workspace.project.models[wanted.name].evaluate.task
    return ran.spec != wanted.fields() or made.spec.get("training") != training_digest(wanted, task)


def _made_of_this(look: Look, wanted: PipelineSpec) -> Standing | None:
    from mvops.registry.versions import champion  # noqa: PLC0415 -- SQLModel, which a quiet plan does without

    registry = look.workspace.registry
    version = champion(registry, wanted.name)
    run = None if version is None else find_run(registry, version.run)
    if version is None or run is None or not _is_kept(look, version, run):
        return None
    plans = step_plans(look, wanted.name, ask=False)
    steps = {step.step: step.key for step in run.steps} == {plan.name: plan.key for plan in plans}
    return Standing(version.number, run.id) if steps and _is_as_said(look, wanted, version) else None


def _is_kept(look: Look, version: Version, run: Run) -> bool:
    """Is the version in the artefact store, with all that its run handed over."""
    needed = {each.sha256 for each in (version.artifact, *run.outputs.values())}
    return look.workspace.store.present(needed) == needed


def _is_as_said(look: Look, wanted: PipelineSpec, version: Version) -> bool:
    """Is all the same that the keys of the steps do not tell: the notebooks' names, the outputs, what runs them."""
    model, recipe, pinned = look.workspace.project.models[wanted.name], version.recipe, version.environment.requirements
    return recipe is not None and (
        version.code.notebooks == (wanted.notebook, *wanted.later)
        and recipe.outputs == wanted.outputs
        and recipe.task == model.evaluate.task
        and (recipe.kernel, recipe.python) == (model.pipeline.kernel, model.pipeline.python)
        and ("" if pinned is None else pinned.sha256) == wanted.environment.get("requirements", "")
    )
