"""Sentences of a plan about what it does not do, and why."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mvops.core.action import Action, Verb
from mvops.core.address import Address, address, kind_of, name_of
from mvops.core.config.dashboard import Dashboard
from mvops.core.config.data import Data
from mvops.core.config.gate import instead, uncompared
from mvops.core.config.model import Model, Rollout
from mvops.core.environment import wording
from mvops.core.rollout import stage
from mvops.kinds.endpoint import clash_of
from mvops.kinds.kind import Look
from mvops.kinds.model import trains
from mvops.kinds.recorded import canaries, champions
from mvops.kinds.standing import stands
from mvops.loading.load import switched_off_at
from mvops.registry.glance import is_quiet, refused_now
from mvops.registry.state import SqlState
from mvops.witness import matching
from mvops.workspace import Workspace, data_keeper

_MADE_BY = {  # kind -> the capabilities without which there is none
    "endpoint": ("serving",),
    "monitor": ("monitoring",),
    "schedule": ("monitoring", "retraining"),
    "dashboard": ("dashboards",),
    "dashboards": ("dashboards",),
    "tracker": ("tracking",),
}
_OF_A_MODEL = {"endpoint", "monitor", "schedule"}


def notices_of(look: Look, actions: Collection[Action]) -> Iterator[str]:
    """What the YAML says in vain, what is under way or was refused, and what an empty project needs."""
    workspace = look.workspace
    yield from _lost(workspace)
    if not workspace.project.models:
        yield "there is no model yet: `mvops promote NOTEBOOK` makes one of a notebook"
    if not is_quiet(workspace.registry):
        yield from _under_way(workspace, actions)
    yield from _refused(look)
    yield from _shared_ports(look, actions)
    yield from _renamed(workspace, actions)
    yield from _canaries(look, {name_of(action.address) for action in actions if _ends_canary(action, look)})
    if workspace.project.tracker.backend != "local" and not workspace.project.capabilities.tracking:
        yield f"tracker is not acted upon: {_who_says_no(look, 'tracking')}"
    if workspace.project.dashboard != Dashboard() and not workspace.project.capabilities.dashboards:
        yield f"dashboard is not acted upon: {_who_says_no(look, 'dashboards')}"
    if workspace.project.data != Data() and not workspace.project.capabilities.data_versioning:
        yield f"data is not acted upon: {_who_says_no(look, 'data_versioning')}"
    read = any(model.pipeline.inputs for model in workspace.project.models.values())
    if read and workspace.project.capabilities.data_versioning:
        keeper, lacking = data_keeper(workspace)
        if lacking:
            stay = f"data: {{backend: {keeper.backend}}}"
            yield f"data is kept by {keeper.backend} for now. {lacking.rstrip('.')}. To leave it so: {stay}"
    for name, model in sorted(workspace.project.models.items()):
        for section, capability in _switched_off(workspace, model):
            yield f"models.{name}.{section} is not acted upon: {_who_says_no(look, capability)}"


def _lost(workspace: Workspace) -> Iterator[str]:
    """What a former apply left, where the registry knows of none."""
    if SqlState(workspace.registry).serial():
        return
    copies = workspace.registry.copies()
    left = [*matching(workspace.hidden / "serving", "*/route.json"), *copies]
    if left:
        typed = wording(workspace.project.environment)["typed"]
        named = [Path(os.path.relpath(path, workspace.root)).as_posix() for path in left]
        more = f" and {len(named) - 3} more" if len(named) > 3 else ""
        way = f"`{typed} state restore` puts the copy in its place" if copies else "put a backup of it in its place"
        yield (
            f"the registry knows of no apply, but of one there is {', '.join(named[:3])}{more}. If it was lost, {way}. "
            "If you go on, what is there and agrees with the YAML is adopted, other files in the way are a conflict, "
            "models begin with version 1 again, and what was in the traffic is moved aside"
        )


def _refused(look: Look) -> Iterator[str]:
    workspace, typed = look.workspace, wording(look.workspace.project.environment)["typed"]
    for model, (number, missing) in sorted(refused_now(workspace.registry).items()):
        record = look.records.get(address("model", model))
        if model in workspace.project.models and record and record.outputs.get("version") == str(number):
            past = f", or past the gate: {typed} versions promote {model} {number} --reason WHY"
            serving = look.once(champions).get(model)
            lost = serving is not None and not workspace.store.has(serving.artifact)
            told = (
                f" Version {serving.number}, the champion, is lost: no endpoint can load it."
                if serving and lost
                else ""
            )
            yield (
                f"{model}: the gate refused version {number}, the newest; why: {typed} versions show {model} {number}."
                f"{told} {_better_one(look, model, missing, typed)}"
                f"{'' if workspace.project.capabilities.governance else past}"
            )


def _better_one(look: Look, model: str, missing: Collection[str], typed: str) -> str:
    """What makes one that passes, which no training does where the champion reads a column that is gone."""
    serving = look.once(champions).get(model)
    if not missing or serving is None:
        return f"Make a better one, then: {typed} apply"
    gate = instead(model, look.workspace.project.models[model].gate, serving.metrics)
    another = f"Another gate ({gate}): {typed} apply, then: {typed} retrain {model} --force"
    return f"{uncompared(serving.number, missing)} {another}"


def _shared_ports(look: Look, actions: Collection[Action]) -> Iterator[str]:
    """Of endpoints that have such a port already."""
    for action in actions:
        clash = clash_of(action.address, look) if action.after and action.reason != "port" else None
        if clash is not None:
            yield f"{action.address}: {clash.told}. {clash.remedy}"


def _renamed(workspace: Workspace, actions: Collection[Action]) -> Iterator[str]:
    """Where a model goes and another of the same notebook comes, it may be one that was given another name."""
    pipelines = [action for action in actions if kind_of(action.address) == "pipeline"]
    gone = {name_of(action.address): action.before for action in pipelines if action.before and not action.after}
    new = {name_of(action.address): action.after for action in pipelines if action.after and not action.before}
    for old, before in sorted(gone.items()):
        same = [name for name, after in sorted(new.items()) if _is_notebook_of(before, after)]
        if len(same) == 1:
            entry = f"{{from: model.{old}, to: model.{same[0]}}}"
            add = f"`- {entry}` in its `moved`" if workspace.project.moved else f"`moved: [{entry}]`"
            yield (
                f"model.{old} goes, and model.{same[0]} of the same notebook begins anew. If that is a rename, say so "
                f"in configs/project.yaml, and versions and history go along: {add}"
            )


def _is_notebook_of(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Do both have the same notebooks, or, where those were given other names too, the same code."""
    names = [[fields["notebook"], *fields.get("later", ())] for fields in (before, after)]
    return names[0] == names[1] or before["steps"] == after["steps"]


def _ends_canary(action: Action, look: Look) -> bool:
    if kind_of(action.address) != "model":
        return False
    goes_back = action.back is not None and action.back.champion is not None
    return goes_back or (trains(action) and stands(action, look) is not None)


def _canaries(look: Look, ended: Collection[str]) -> Iterator[str]:
    """Those that are under way, and steps that were changed meanwhile; not for models where it is `ended`."""
    typed = wording(look.workspace.project.environment)["typed"]
    for model, canary in sorted(look.once(canaries).items()):
        spec = look.workspace.project.models.get(model)
        if spec is None or model in ended:
            continue
        yield (
            f"{model}: version {canary.challenger} is a {stage(canary.share)}; how it goes: "
            f"{typed} rollout status {model}"
        )
        if spec.rollout.steps != canary.steps:
            kept, new = (", ".join(map(str, steps)) for steps in (canary.steps, spec.rollout.steps))
            yield (
                f"{model}: the canary of version {canary.challenger} keeps the steps that it began with ({kept}); "
                f"{new} are for the next one. hold, min_predictions and abort hold for both"
            )


def _under_way(workspace: Workspace, actions: Collection[Action]) -> Iterator[str]:
    from mvops.registry.journal import SqlJournal  # noqa: PLC0415 -- SQLModel, which a quiet plan does without
    from mvops.registry.lock import current_lock  # noqa: PLC0415 -- the same

    at_work = current_lock(workspace.registry)
    kept = {action.address for action in actions if action.verb is Verb.KEEP}
    for entry in SqlJournal(workspace.registry).unfinished():
        begun = entry["action"]
        where, requested = begun["address"], begun.get("reason") == "requested"
        if at_work and not at_work.gone:
            yield f"`{at_work.command}` of {at_work.username}@{at_work.host} is at work on {where}"
        elif requested and begun["verb"] == Verb.REPLACE and where in kept:
            again = _asked_for(begun)
            typed = wording(workspace.project.environment)["typed"]
            yield (
                f"the last apply was interrupted at {where}, which it was to make again as it was asked to; no plan "
                f"does so by itself. To have it made again: {typed} apply --replace {again}"
            )
        elif any(action.verb is not Verb.KEEP for action in actions):
            yield f"the last apply was interrupted at {where}; applying goes on from there"
        elif all(action.address != where for action in actions):
            yield f"the last apply was interrupted at {where}, which is left out here"


def made_again(model: Address) -> str:
    """Why the pipeline of a model runs that is replaced."""
    return f"{model} is made again"


def _asked_for(action: Mapping[str, Any]) -> Address:
    """What was replaced: the model, where its pipeline ran for that."""
    model = address("model", name_of(Address(action["address"])))
    return model if made_again(model) in action["because"] else Address(action["address"])


def _switched_off(workspace: Workspace, model: Model) -> Iterator[tuple[str, str]]:
    on = workspace.project.capabilities
    if model.endpoint is not None and not on.serving:
        yield "endpoint", "serving"
    if model.monitor is not None and not on.monitoring:
        yield "monitor", "monitoring"
    if model.retrain is not None and not on.retraining:
        yield "retrain", "retraining"
    if model.rollout != Rollout() and not on.canary:
        yield "rollout", "canary"


def switched_off(look: Look, actions: Iterable[Action]) -> Iterator[str]:
    """Which capabilities are off whose resources the plan takes away, though the YAML asks for them otherwise."""
    gone: dict[str, list[Address]] = {}
    for action in actions:
        if action.verb is Verb.DELETE:
            for capability in _missed(look.workspace, action.address):
                gone.setdefault(capability, []).append(action.address)
    for capability, addresses in sorted(gone.items()):
        what, goes = ", ".join(sorted(addresses)), "goes" if len(addresses) == 1 else "go"
        by_hand = capability in look.once(_by_hand)
        keep = "say true there" if by_hand else f"capabilities: {{{capability}: true}} in configs/project.yaml"
        yield f"{what} {goes} as {_who_says_no(look, capability)}; to keep it{',' if by_hand else ':'} {keep}"


def _missed(workspace: Workspace, resource: Address) -> list[str]:
    """The capabilities that would keep it, if they were on: none where its model, or that section of it, is gone."""
    needed = _MADE_BY.get(kind_of(resource), ())
    if kind_of(resource) not in _OF_A_MODEL:
        return [each for each in needed if not getattr(workspace.project.capabilities, each)]
    model = workspace.project.models.get(name_of(resource))
    return [each for _, each in _switched_off(workspace, model) if each in needed] if model else []


def _who_says_no(look: Look, capability: str) -> str:
    """Who leaves the capability off: the user's own line, or override, before the preset."""
    if where := look.once(_by_hand).get(capability):
        return f"{where} switches capabilities.{capability} off"
    return f"{look.workspace.project.preset} leaves capabilities.{capability} off"


def _by_hand(look: Look) -> dict[str, str]:
    """The capabilities that the user's own YAML, or an override, switches off, and where."""
    workspace = look.workspace
    return switched_off_at(workspace.root, "capabilities", workspace.overrides, workspace.project.environment)
