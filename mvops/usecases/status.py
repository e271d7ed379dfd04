"""Where everything stands."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from mvops.core.address import address
from mvops.core.alert import Alert
from mvops.core.prediction import SHADOW
from mvops.core.reach import url_at
from mvops.core.rollout import RolloutState
from mvops.core.state import Record
from mvops.core.version import Version
from mvops.errors import ServingError
from mvops.kinds.endpoint import read_at_the_start
from mvops.registry import alerts, rollouts
from mvops.registry.journal import finished_since
from mvops.registry.state import SqlState
from mvops.registry.summaries import summaries
from mvops.registry.versions import champion, count_versions
from mvops.serving.client import KeyAskedError
from mvops.serving.ownership import held_since
from mvops.usecases.fates import NONE, Fate, fates
from mvops.usecases.in_charge import taken_away
from mvops.usecases.reaching import AnotherAnswersError, counts_of, endpoint_client, endpoint_of
from mvops.workspace import Workspace


@dataclass(frozen=True)
class ModelStatus:
    """One model: who serves, who wants to, how much it answered, what is wrong.

    `newest` is what became of the newest version where it does not answer. `taken_away` says that the model was
    destroyed, or forgotten: its `versions` stay, and none of them is champion. `monitored_rows` are the predictions in
    the window that begins at `monitored_until`, the last one that was seen. `wanted` is where the YAML places an
    endpoint that runs elsewhere, `unapplied` says that no apply has seen that. `former` are settings
    that one which runs has as they were when it started.
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
    wanted: str = ""
    unapplied: bool = False
    former: tuple[str, ...] = ()
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
    seen = [summary for summary in summaries(registry, name) if summary.arm != SHADOW]
    gone = taken_away(workspace, name)
    made = count_versions(registry, name)
    until = max((summary.start for summary in seen), default=None)
    endpoint, url, note = _endpoint(workspace, name)
    record = SqlState(registry).record(address("endpoint", name)) if endpoint == "up" else None
    wanted, unapplied = _wanted(workspace, name, url, record) if endpoint == "up" else ("", False)
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
        wanted=wanted,
        unapplied=unapplied,
        former=_former(workspace, name, record) if record else (),
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
    except KeyAskedError as error:
        return "up", client.url, f"{error.message}. {error.hint}"
    except ServingError as error:
        return "down", client.url, error.message if isinstance(error, AnotherAnswersError) else ""
    return "up", client.url, ""


def _wanted(workspace: Workspace, name: str, url: str | None, record: Record | None) -> tuple[str, bool]:
    """Where the YAML places an endpoint that runs at another `url`, and whether that is still to be applied."""
    said = endpoint_of(workspace, name)
    wanted = url_at(said.host, said.port)
    if wanted == url:
        return "", False
    applied = record.spec["service"] if record else {}
    return wanted, (applied.get("host"), applied.get("port")) != (said.host, said.port)


def _former(workspace: Workspace, name: str, record: Record) -> tuple[str, ...]:
    """What has been applied otherwise since the endpoint, which runs on this machine, has started."""
    since = held_since(workspace.serving(name) / "spool")
    if since is None:
        return ()
    done = (action["before"] for action in finished_since(workspace.registry, record.address, since))
    started_with = next(filter(None, done), record.spec)
    return tuple(read_at_the_start(started_with["service"], record.spec["service"]))
