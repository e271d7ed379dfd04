"""Telling people about alerts, through the channels that the monitor names."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

from mvops import backends
from mvops.contracts.notifiers import Message, Notifier
from mvops.core.alert import Alert, why_over
from mvops.core.config.model import Monitor
from mvops.core.config.secrets import filled_in
from mvops.core.counts import counted
from mvops.core.environment import wording
from mvops.errors import BackendError, MvopsError, UsageError
from mvops.registry.events import record_event
from mvops.workspace import Workspace


def notify(
    workspace: Workspace, model: str, settings: Monitor, opened: Sequence[Alert], resolved: Sequence[Alert]
) -> Iterator[str]:
    """Send a message for what opened, one for what was resolved, and one for what did both; yields who was not told.

    A channel that fails keeps nobody else from being told, and stays on record.
    """
    begun, over = {alert.id for alert in opened}, {alert.id for alert in resolved}
    made = (
        _opened(workspace, model, [alert for alert in opened if alert.id not in over]),
        _resolved(model, [alert for alert in resolved if alert.id not in begun]),
        _came_and_went(model, [alert for alert in resolved if alert.id in begun]),
    )
    messages = [message for message in made if message is not None]
    for name in settings.alerts:
        for message in messages:
            try:
                _send(workspace, model, name, message)
            except MvopsError as error:
                yield f"{name}: {error}"


def tells_here(workspace: Workspace, model: str) -> bool:
    """Are messages about the model written where the command runs."""
    monitor = workspace.model(model).monitor
    channels = [workspace.project.notifiers.get(name) for name in (monitor.alerts if monitor else ())]
    return any(channel is not None and channel.backend == "console" for channel in channels)


def try_channels(workspace: Workspace, model: str) -> Iterator[tuple[str, MvopsError | None]]:
    """Send a harmless message to everyone whom the model's monitor tells; yields each name and what went wrong.

    Raises UsageError when nobody is told.
    """
    monitor = workspace.model(model).monitor
    if monitor is None or not monitor.alerts:
        raise UsageError(
            f"nobody is told about {model}",
            hint=f"Name a notifier in configs/models/{model}.yaml: monitor: {{alerts: [ops]}}",
        )
    message = Message(
        title=f"{model}: a test", body="This is only a test: alerts arrive here.\nSee: mvops status", severity="info"
    )
    for name in monitor.alerts:
        try:
            _send(workspace, model, name, message)
        except MvopsError as error:
            yield name, error
        else:
            yield name, None


def _send(workspace: Workspace, model: str, name: str, message: Message) -> None:
    """Send, and keep on record what became of it."""
    try:
        _deliver(workspace, name, message)
    except MvopsError as error:
        record_event(workspace.registry, "alert", model, f"could not tell {name}: {error.message}")
        raise
    record_event(workspace.registry, "alert", model, f"told {name}: {message.title}", {"told": name})


def _deliver(workspace: Workspace, name: str, message: Message) -> None:
    channel = workspace.project.notifiers.get(name)
    if channel is None:
        known = ", ".join(sorted(workspace.project.notifiers)) or "none"
        raise BackendError(
            f"there is no notifier {name!r} in configs/project.yaml", hint=f"Under notifiers there are: {known}"
        )
    notifier: Notifier = backends.load("notifiers", channel.backend)
    notifier.send(message, _with_secrets(name, channel.options))


def _with_secrets(name: str, options: dict[str, Any]) -> dict[str, Any]:
    try:
        found: dict[str, Any] = filled_in(options, os.environ)
    except KeyError as missing:
        raise BackendError(
            f"the environment variable {missing.args[0]}, which notifiers.{name} takes as a secret, is not set",
            hint=f"Set it where mvops runs: export {missing.args[0]}=...",
        ) from None
    return found


def _opened(workspace: Workspace, model: str, alerts: Sequence[Alert]) -> Message | None:
    if not alerts:
        return None
    critical = any(alert.severity == "critical" for alert in alerts)
    first = alerts[0]
    more = f" and {len(alerts) - 1} more" if len(alerts) > 1 else ""
    typed = wording(workspace.project.environment)["typed"]
    reason = "performance" if first.kind == "performance" else "drift"
    lines = [f"{alert.key} since {alert.opened:%Y-%m-%d %H:%M} UTC: {alert.reason}" for alert in alerts]
    return Message(
        title=f"{model} version {first.version}: {first.key}{more}",
        body="\n".join(
            [*lines, f"See: {typed} status", f"Train on newer data: {typed} retrain {model} --reason {reason}"]
        ),
        severity="critical" if critical else "warning",
    )


def _resolved(model: str, alerts: Sequence[Alert]) -> Message | None:
    if not alerts:
        return None
    lines = [
        f"{alert.key} of version {alert.version}: lasted {counted(alert.windows, 'window')}; {why_over(alert)}"
        for alert in alerts
    ]
    return Message(title=f"{model}: {counted(len(alerts), 'alert')} resolved", body="\n".join(lines), severity="info")


def _came_and_went(model: str, alerts: Sequence[Alert]) -> Message | None:
    """What is over by the time it is told, as when a look catches up: nobody has to get up for it."""
    if not alerts:
        return None
    lines = [
        f"{alert.key} from {alert.opened:%Y-%m-%d %H:%M} to {alert.last_seen:%Y-%m-%d %H:%M} UTC: {alert.reason}"
        for alert in alerts
    ]
    return Message(
        title=f"{model}: {counted(len(alerts), 'alert')} came and went", body="\n".join(lines), severity="info"
    )
