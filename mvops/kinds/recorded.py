"""What the registry keeps of all models, asked for once in a plan."""

from __future__ import annotations

from itertools import chain

from mvops.core.action import Action, Verb
from mvops.core.address import Address, kind_of, name_of
from mvops.kinds.kind import Look
from mvops.registry import glance
from mvops.registry.leftovers import forgotten

TAKEN_UP = "forgotten before, and taken up again"


def champions(look: Look) -> dict[str, glance.Champion]:
    """The version of each model that serves."""
    return glance.champions_now(look.workspace.registry)


def canaries(look: Look) -> dict[str, glance.Canary]:
    """The rollout of each model that has one which runs."""
    return glance.canaries_now(look.workspace.registry)


def taken_up(action: Action, look: Look) -> Action:
    """What was forgotten, and is wanted again, is not told as new."""
    new = action.verb is Verb.CREATE and action.because == "new"
    if not new or action.address not in look.once(forgotten_now):
        return action
    return action.model_copy(update={"because": TAKEN_UP})


def forgotten_now(look: Look) -> set[str]:
    """What `state forget` took off the record, and nothing was done with since."""
    return forgotten(look.workspace.registry)


def runs(look: Look) -> dict[str, tuple[str, ...]]:
    """Those of the recorded runs that are still there, and the artefacts that they handed over."""
    recorded = (record.outputs.get("run") for record in look.records.values())
    return glance.kept_runs(look.workspace.registry, {run for run in recorded if run})


def artifacts(look: Look) -> dict[str, tuple[str, ...]]:
    """Model -> the sha256 of its recorded version's artefact and baseline, of versions that are still there."""
    recorded = {
        (name_of(Address(where)), int(record.outputs["version"]))
        for where, record in look.records.items()
        if kind_of(Address(where)) == "model" and record.outputs.get("version")
    }
    return {model: kept for (model, _), kept in glance.artifacts(look.workspace.registry, recorded).items()}


def kept(look: Look) -> frozenset[str]:
    """What is still in the artefact store of all that the recorded runs and versions need."""
    needed = (*look.once(runs).values(), *look.once(artifacts).values())
    return look.workspace.store.present(chain.from_iterable(needed))
