"""Where everything stands."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from mvops.core.alert import Alert
from mvops.core.rollout import RolloutState
from mvops.core.version import Version
from mvops.errors import ServingError
from mvops.registry import alerts, rollouts
from mvops.registry.summaries import summaries
from mvops.registry.versions import champion, count_versions
from mvops.usecases.fates import NONE, Fate, fates
from mvops.usecases.in_charge import taken_away
from mvops.usecases.reaching import AnotherAnswersError, counts_of, endpoint_client
from mvops.workspace import Workspace


@dataclass(frozen=True)
class ModelStatus:
    """One model: who serves, who wants to, how much it answered, what is wrong.

    `newest` is what became of the newest version where it does not answer. `taken_away` says that the model was
    destroyed, or forgotten: its `versions` stay, and none of them is champion. `monitored_rows` are the predictions in
    the window that begins at `monitored_until`, the last one that was seen.
    """

    model: str
    champion: Version | None
    versions: int
    rollout: RolloutState | None
    endpoint: str  # "up", "down" or "none"
    url: str | None
    predictions: int
    outcomes: int
    monitored_until: datetime | None
    monitored_rows: int
    alerts: tuple[Alert, ...]
    taken_away: bool = False
    note: str = ""  # who answers in the endpoint's place
    newest: Fate = NONE


@dataclass(frozen=True)
class Status:
    """The whole project."""

    project: str
    preset: str
    models: tuple[ModelStatus, ...]


def status(workspace: Workspace) -> Status:
    """Ask the registry, the prediction log and each endpoint."""
    return Status(
        project=workspace.project.project,
        preset=workspace.project.preset,
        models=tuple(_model(workspace, name) for name in sorted(workspace.project.models)),
    )


def _model(workspace: Workspace, name: str) -> ModelStatus:
    registry = workspace.registry
    with workspace.predictions() as log:
        predictions, outcomes = log.count(name), log.count_outcomes(name)
    seen = summaries(registry, name)
    gone = taken_away(workspace, name)
    made = count_versions(registry, name)
    until = max((summary.start for summary in seen), default=None)
    endpoint, url, note = _endpoint(workspace, name)
    return ModelStatus(
        model=name,
        champion=None if gone else champion(registry, name),
        versions=made,
        newest=fates(registry, name).get(made, NONE),
        taken_away=gone,
        rollout=rollouts.current(registry, name),
        endpoint=endpoint,
        url=url,
        note=note,
        predictions=predictions,
        outcomes=outcomes,
        monitored_until=until,
        monitored_rows=sum(json.loads(summary.text)["rows"] for summary in seen if summary.start == until),
        alerts=tuple(alerts.alerts(registry, name, status="open")),
    )


def _endpoint(workspace: Workspace, name: str) -> tuple[str, str | None, str]:
    """How it is, where, and who else answers there."""
    if workspace.model(name).endpoint is None:
        return "none", None, ""
    client = endpoint_client(workspace, name)
    try:
        counts_of(workspace, name, client)
    except ServingError as error:
        return "down", client.url, error.message if isinstance(error, AnotherAnswersError) else ""
    return "up", client.url, ""
