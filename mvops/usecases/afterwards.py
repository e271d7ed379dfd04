"""Looking again after an apply: is what was done really so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mvops.core.action import Action, Verb
from mvops.core.address import name_of
from mvops.core.apply import Done
from mvops.core.config.gate import instead
from mvops.core.scope import Scope
from mvops.registry.glance import refused_now
from mvops.registry.versions import champion, serving
from mvops.usecases.plan import plan
from mvops.usecases.retrain import gate_checks
from mvops.workspace import Workspace


@dataclass(frozen=True)
class Refusal:
    """A version that its gate did not let pass: what each condition said, and who serves on (None: nobody).

    A champion that is `lost` from the artefact store answers only where it was loaded before; `missing` are columns
    that it reads and the version's rows do without, `instead` is the YAML of a gate that compares with no champion.
    """

    model: str
    version: int
    champion: int | None
    checks: tuple[str, ...]
    governed: bool  # there is no way past the gate
    lost: bool = False
    missing: tuple[str, ...] = ()
    instead: str = ""


def refusals(workspace: Workspace, finished: Iterable[Done]) -> list[Refusal]:
    """What the gates refused of that which was done."""
    refused = {
        name_of(done.action.address): int(done.left["version"])
        for done in finished
        if done.left.get("gate") == "refused"
    }
    return [refusal_of(workspace, model, number) for model, number in refused.items()]


def refusal_of(workspace: Workspace, model: str, number: int) -> Refusal:
    """What the gate refused of a version."""
    live = serving(workspace.registry).get(model)
    checks = gate_checks(workspace, model, number)
    now = champion(workspace.registry, model)
    lost = now is not None and not workspace.store.has(now.artifact.sha256)
    refused = refused_now(workspace.registry).get(model)
    missing = refused.missing if refused and refused.number == number else ()
    gate = instead(model, workspace.model(model).gate, now.metrics) if now else ""
    return Refusal(model, number, live, checks, workspace.project.capabilities.governance, lost, missing, gate)


def not_as_planned(workspace: Workspace, finished: Iterable[Done]) -> tuple[Action, ...]:
    """What there is still to do of that which was done; nothing, unless somebody changed it meanwhile.

    Raises what a plan raises.
    """
    gone = {Verb.DELETE, Verb.FORGET, Verb.MOVE}
    done = {each.action.address for each in finished if each.status == "done" and each.action.verb not in gone}
    if not done:
        return ()
    again = plan(workspace, Scope(targets=tuple(sorted(done))))
    return tuple(action for action in again.pending() if action.address in done)
