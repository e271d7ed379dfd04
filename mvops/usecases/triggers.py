"""Whether an alert asks for a retraining, and doing what it asks for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from mvops.core.alert import AlertKind
from mvops.core.progress import Tell
from mvops.registry import alerts, rollouts
from mvops.registry.events import record_event
from mvops.registry.runs import runs
from mvops.usecases.retrain import Retrained, retrain
from mvops.workspace import Workspace

_ASKS: dict[AlertKind, Literal["drift", "performance"]] = {
    "drift": "drift",
    "data": "drift",
    "prediction": "drift",
    "performance": "performance",
}


@dataclass(frozen=True)
class Due:
    """Why a retraining is asked for; `waits` says in words why it is not time yet, empty if it is."""

    reason: Literal["drift", "performance"]
    waits: str


def retraining_due(workspace: Workspace, model: str) -> Due | None:
    """What `retrain.on` names and an open alert asks for; it waits until the cooldown is over, and no rollout runs.

    The cooldown counts from the start of the model's last run, whatever became of it.
    """
    settings = workspace.model(model).retrain
    if settings is None or not settings.on or not workspace.project.capabilities.retraining:
        return None
    asked = {_ASKS[alert.kind] for alert in alerts.alerts(workspace.registry, model, status="open")}
    reasons = [reason for reason in settings.on if reason in asked]
    if not reasons:
        return None
    running = rollouts.current(workspace.registry, model)
    if running is not None:
        return Due(reasons[0], f"version {running.challenger} is being rolled out")
    last = next(iter(runs(workspace.registry, model, limit=1)), None)
    rested = last is None or datetime.now(UTC) - last.started >= settings.cooldown
    if last is None or rested:
        return Due(reasons[0], "")
    return Due(reasons[0], f"not before {last.started + settings.cooldown:%Y-%m-%d %H:%M} UTC (retrain.cooldown)")


def retrain_for_alert(workspace: Workspace, model: str, reason: str, tell: Tell) -> Retrained:
    """Retrain, and keep on record that an alert had it done, as a reason may be typed. Raises as `retrain`."""
    made = retrain(workspace, model, reason=reason, tell=tell)
    if made.version is not None:
        number = made.version.number
        record_event(workspace.registry, "alert", model, f"an alert had version {number} made", {"version": number})
    return made
