"""Renaming a model without losing anything that is known of it."""

from __future__ import annotations

from dataclasses import dataclass

from mvops.core.naming import check_name
from mvops.core.steps import RemoveRoute, RestoreRoute
from mvops.errors import ConflictError, UsageError
from mvops.kinds.kind import kinds
from mvops.performing.traffic import remove_route, restore_route
from mvops.registry.events import record_event
from mvops.registry.lock import hold_lock
from mvops.registry.renaming import rename_model
from mvops.serving.ownership import left_over
from mvops.workspace import Workspace

# Those whose resources are called after a model, but for what was told outside of the project: that stays under the
# old name as history, and is told anew.
_TOLD_OUTSIDE = frozenset({"dataset", "feature_store", "feature_view", "tracker"})


@dataclass(frozen=True)
class Renamed:
    """How much goes by the new name, and the YAML file where it is the project's own."""

    versions: int
    predictions: int
    yaml: str | None


def rename(workspace: Workspace, model: str, name: str) -> Renamed:
    """Call `model` by `name`: registry, prediction log, traffic and YAML file; an interrupted one is typed again.

    Raises UsageError for a name that is none or taken, ConflictError while its endpoint runs or has predictions that
    are not yet in the log, LockedError.
    """
    _check(workspace, model, name)
    with hold_lock(workspace.registry, f"state mv {model} {name}") as hold:
        _check_at_rest(workspace, model)
        with workspace.predictions() as log:
            predictions = log.rename(model, name)
        mine = kinds().keys() - _TOLD_OUTSIDE
        with workspace.registry.session():
            versions = rename_model(workspace.registry, hold, model, name, mine)
            record_event(workspace.registry, "rename", name, f"{model} is called {name} now")
        remove_route(RemoveRoute(model=model), workspace)
        restore_route(RestoreRoute(model=name), workspace)
    return Renamed(versions, predictions, _rename_yaml(workspace, model, name))


def _check(workspace: Workspace, model: str, name: str) -> None:
    workspace.model(model)
    try:
        check_name(name)
    except ValueError as error:
        raise UsageError(str(error)) from None
    if name in workspace.project.models:
        raise UsageError(f"this project has a model {name} already")


def _check_at_rest(workspace: Workspace, model: str) -> None:
    spool = workspace.serving(model) / "spool"
    folders = [folder for folder in spool.iterdir() if folder.is_dir()] if spool.is_dir() else []
    claimed = left_over(spool) if folders else []
    waiting = sum(len(each.segments()) for each in claimed)
    for each in claimed:
        each.release()
    if len(claimed) < len(folders):
        raise ConflictError(
            f"the endpoint of {model} is running", hint="Stop it first, start it by its new name after."
        )
    if waiting:
        raise ConflictError(
            f"predictions of {model} wait to be moved to the prediction log",
            hint=f"Start its endpoint once and stop it: mvops serve {model}",
        )


def _rename_yaml(workspace: Workspace, model: str, name: str) -> str | None:
    """The model's own file; where the model stands in project.yaml, its key is for the user to rename."""
    path = workspace.root / "configs" / "models" / f"{model}.yaml"
    if not path.is_file():
        return None
    path.rename(path.with_name(f"{name}.yaml"))
    return f"configs/models/{name}.yaml"
