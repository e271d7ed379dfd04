"""What happened, newest last."""

from __future__ import annotations

from mvops.registry import events as audit
from mvops.registry.events import Event
from mvops.workspace import Workspace


def history(workspace: Workspace, *, limit: int = 50, model: str | None = None) -> list[Event]:
    """The last `limit` events of the project, or of one model."""
    if model is not None:
        workspace.model(model)
    found = audit.events(workspace.registry, limit=limit, subject=model)
    return sorted(found, key=lambda event: event.id)
