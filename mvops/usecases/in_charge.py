"""Which version of a model is in charge, if any."""

from __future__ import annotations

from mvops.core.version import Version
from mvops.registry.state import SqlState
from mvops.registry.versions import champion, count_versions
from mvops.workspace import Workspace


def taken_away(workspace: Workspace, model: str) -> bool:
    """Has it versions, but no record any more: it was destroyed, or forgotten."""
    on_record = f"model.{model}" in SqlState(workspace.registry).records()
    return not on_record and count_versions(workspace.registry, model) > 0


def in_charge(workspace: Workspace, model: str) -> Version | None:
    """The champion; nobody is where the model was taken away."""
    return None if taken_away(workspace, model) else champion(workspace.registry, model)
