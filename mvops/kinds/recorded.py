"""What the registry keeps of all models, asked for once in a plan."""

from __future__ import annotations

from mvops.core.address import Address, kind_of, name_of
from mvops.kinds.kind import Look
from mvops.registry import glance


def champions(look: Look) -> dict[str, glance.Champion]:
    """The version of each model that serves."""
    return glance.champions_now(look.workspace.registry)


def canaries(look: Look) -> dict[str, glance.Canary]:
    """The rollout of each model that has one which runs."""
    return glance.canaries_now(look.workspace.registry)


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
