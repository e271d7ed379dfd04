"""How far along the project is: for each capability, whether there is evidence that it works."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mvops.core.cells import following
from mvops.core.config.project import Capabilities
from mvops.core.environment import wording
from mvops.core.plan import Plan
from mvops.errors import SpecError, UsageError
from mvops.loading.load import load_project
from mvops.usecases.evidence import PROOFS, Proof
from mvops.usecases.plan import plan
from mvops.usecases.project import open_project
from mvops.workspace import Workspace


@dataclass(frozen=True)
class Evidence:
    """One thing to have seen.

    `seen` is when, once every model has shown it: of each its last time, of those the earliest. `missing` are the
    models that have not.
    """

    what: str
    how: str
    seen: datetime | None
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Capability:
    """A capability of the project's cell (`now`) or of the next one, with its evidence."""

    name: str
    now: bool
    evidence: tuple[Evidence, ...]

    @property
    def shown(self) -> bool:
        """Has all of it been seen."""
        return all(evidence.seen for evidence in self.evidence)


@dataclass(frozen=True)
class Maturity:
    """`cell` is the preset, `following` the next one, None after the last and for a preset of the user's own."""

    project: str
    cell: str
    following: str | None
    capabilities: tuple[Capability, ...]


def maturity(workspace: Workspace) -> Maturity:
    """Look for evidence of what is on now and of what the next cell switches on. Reads only."""
    now = _on(workspace.project.capabilities)
    after = following(workspace.project.preset)
    later = (
        _on(load_project(workspace.root, [f"preset={after}"], workspace.project.environment).capabilities)
        if after
        else []
    )
    return Maturity(
        project=workspace.project.project,
        cell=workspace.project.preset,
        following=after,
        capabilities=tuple(
            Capability(name, name in now, tuple(_look(workspace, proof) for proof in PROOFS[name]))
            for name in [*now, *(name for name in later if name not in now)]
        ),
    )


def next_plan(workspace: Workspace) -> tuple[str, Plan]:
    """The next cell, and what going there would change. Raises UsageError where there is none."""
    after = following(workspace.project.preset)
    if after is None:
        raise UsageError(f"there is no preset after {workspace.project.preset}", hint="See: mvops maturity")
    try:
        with open_project(workspace.root, [f"preset={after}"], workspace.project.environment) as there:
            return after, plan(there)
    except SpecError as error:
        raise SpecError(f"going on to {after}: {error.message}", hint=error.hint, where=error.where) from error


def _on(capabilities: Capabilities) -> list[str]:
    return [name for name, on in capabilities if on]


def _look(workspace: Workspace, proof: Proof) -> Evidence:
    found = {model: proof.find(workspace, model) for model in sorted(workspace.project.models)}
    dates = [seen for seen in found.values() if seen is not None]
    missing = tuple(model for model, seen in found.items() if seen is None)
    how = (proof.first(workspace, missing[0]) if missing else "") + proof.how
    typed = wording(workspace.project.environment)["typed"]
    how = how.replace("mvops ", f"{typed} ")
    return Evidence(proof.what, how, min(dates) if dates and not missing else None, missing)
