"""Train on the newest data, evaluate against the champion, gate, roll out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from mvops.core.action import Verb
from mvops.core.address import Address, kind_of
from mvops.core.progress import Tell, silent
from mvops.core.scope import Scope
from mvops.core.version import Version
from mvops.errors import ConflictError, StalePlanError, UsageError
from mvops.kinds.standing import stands
from mvops.registry.events import events, record_event
from mvops.registry.state import SqlState
from mvops.registry.versions import champion, find_version
from mvops.usecases.apply import apply
from mvops.usecases.in_charge import taken_away
from mvops.usecases.plan import plan
from mvops.usecases.project import look_at
from mvops.usecases.schedule import by_clock
from mvops.usecases.signatures import check_only_data
from mvops.workspace import Workspace


@dataclass(frozen=True)
class Retrained:
    """`skipped`: there was nothing to learn from; `refused`: the gate said no; `rolling` or `champion` otherwise."""

    result: Literal["skipped", "refused", "rolling", "champion", "would-train"]
    sentence: str
    version: Version | None
    checks: tuple[str, ...] = ()
    to_commit: tuple[str, ...] = ()  # files that the team commits to Git, as the data are others now


def retrain(
    workspace: Workspace,
    model: str,
    *,
    reason: str,
    force: bool = False,
    dry_run: bool = False,
    tell: Tell = silent,
) -> Retrained:
    """Make a challenger unless data, code and parameters are those of the newest version; `force` makes one anyway.

    Raises UsageError for a model that was taken away, what the pipeline, the evaluation or the registry raise,
    StalePlanError if another command changed the project while this one looked, ConflictError if plans have to be
    signed and more than the data has changed; the champion serves on then.
    """
    workspace.model(model)
    if taken_away(workspace, model):
        raise UsageError(f"{model} is not on record: it was destroyed, or forgotten", hint="To have it: mvops apply")
    addresses = [Address(f"{kind}.{model}") for kind in ("pipeline", "model")]
    scope = Scope(targets=(addresses[-1],))
    found = plan(workspace, scope)
    if any(a.verb is Verb.MOVE for a in found.actions):
        raise ConflictError(f"{model} is not called so in the registry yet", hint="Rename it first: mvops apply")
    changed = [a for a in found.actions if a.verb is not Verb.KEEP and kind_of(a.address) != "dataset"]
    look = look_at(workspace)
    champions = [stands(action, look) for action in changed]
    if all(champions) and not force:
        newest = SqlState(workspace.registry).records()[addresses[-1]].outputs.get("version", "?")
        newest = next((str(champion.number) for champion in champions if champion), newest)
        return Retrained(
            "skipped",
            f"nothing to learn from: data, code and parameters are those of version {newest}; "
            f"`mvops retrain {model} --force` trains anyway",
            None,
        )
    if dry_run:
        why = "; ".join(f"{a.address}: {a.because}" for a in changed) or "forced"
        return Retrained("would-train", f"a challenger would be trained: {why}", None)
    chosen = plan(workspace, scope, forced=dict.fromkeys(addresses, reason))
    if chosen.made_on != found.made_on:
        raise StalePlanError("another command changed the project meanwhile", hint=f"Again: mvops retrain {model}")
    check_only_data(workspace, found.actions)
    finished = list(apply(workspace, chosen, tell=tell, command=f"retrain {model}", unsigned=True))
    for done in finished:
        if done.error is not None:
            raise done.error
    to_commit = tuple(done.left["to_commit"] for done in finished if done.left.get("to_commit"))
    outcome = _outcome(workspace, model)
    if outcome.version is not None and by_clock(workspace):
        number = outcome.version.number
        record_event(
            workspace.registry, "clock", model, f"the scheduler had version {number} made", {"version": number}
        )
    return replace(outcome, to_commit=to_commit)


def _outcome(workspace: Workspace, model: str) -> Retrained:
    outputs = SqlState(workspace.registry).records()[f"model.{model}"].outputs
    number = int(outputs["version"])
    version = find_version(workspace.registry, model, number)
    checks = gate_checks(workspace, model, number)
    if outputs["gate"] != "passed":
        return Retrained("refused", f"the gate refused version {number}; the champion serves on", version, checks)
    serving = champion(workspace.registry, model)
    if serving is not None and serving.number == number:
        return Retrained("champion", f"version {number} is champion", version, checks)
    return Retrained("rolling", f"version {number} passed the gate and is rolling out", version, checks)


def gate_checks(workspace: Workspace, model: str, number: int) -> tuple[str, ...]:
    """What the gate said of a version, a sentence for each condition."""
    for event in events(workspace.registry, limit=100, subject=model):
        if event.kind == "gate" and event.details.get("version") == number:
            return tuple(event.details["checks"])
    return ()
