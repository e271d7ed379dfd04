"""Whether an alert asks for a retraining."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from mvops.core.alert import AlertKind
from mvops.registry import alerts, rollouts
from mvops.registry.runs import runs
from mvops.workspace import Workspace

_ASKS: dict[AlertKind, Literal["drift", "performance"]] = {
    "drift": "drift",
    "data": "drift",
    "prediction": "drift",
    "performance": "performance",
}


def retraining_due(workspace: Workspace, model: str) -> str | None:
    """`drift` or `performance` when `retrain.on` names it, such an alert is open, and the cooldown is over.

    The cooldown counts from the start of the model's last run, whatever became of it. While a rollout runs, nothing
    is due.
    """
    settings = workspace.model(model).retrain
    if settings is None or not settings.on or not workspace.project.capabilities.retraining:
        return None
    asked = {_ASKS[alert.kind] for alert in alerts.alerts(workspace.registry, model, status="open")}
    reasons = [reason for reason in settings.on if reason in asked]
    if not reasons or rollouts.current(workspace.registry, model) is not None:
        return None
    last = next(iter(runs(workspace.registry, model, limit=1)), None)
    rested = last is None or datetime.now(UTC) - last.started >= settings.cooldown
    return reasons[0] if rested else None
