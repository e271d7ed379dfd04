"""Calling a model by another name, everywhere that mvops keeps something of it."""

from __future__ import annotations

from mvops.core.steps import RenameModel, RestoreRoute
from mvops.errors import ConflictError
from mvops.performing.traffic import restore_route
from mvops.registry.events import record_event
from mvops.registry.lock import Hold
from mvops.registry.renaming import rename_model
from mvops.serving.ownership import is_held, left_over
from mvops.workspace import Workspace


def rename_everywhere(step: RenameModel, workspace: Workspace, hold: Hold | None = None) -> dict[str, str]:
    """Registry, prediction log and traffic; what an interrupted one has done is not done again.

    Leaves how many versions and predictions go by the new name. Raises ConflictError while the model's endpoint runs
    or has predictions that are not yet in the log, RegistryError where both names are known.
    """
    _check_at_rest(workspace, step.model)
    _leave_traffic(workspace, step.model)
    with workspace.predictions() as log:
        predictions = log.rename(step.model, step.name)
    with workspace.registry.session():
        versions = rename_model(workspace.registry, hold, step.model, step.name, step.kinds)
        record_event(workspace.registry, "rename", step.name, f"{step.model} is called {step.name} now")
    restore_route(RestoreRoute(model=step.name), workspace)
    return {"versions": str(versions), "predictions": str(predictions)}


def _leave_traffic(workspace: Workspace, model: str) -> None:
    """Without ending a rollout, which goes on by the new name."""
    folder = workspace.serving(model)
    for path in (folder / "route.json", *folder.glob("v*.json")):
        path.unlink(missing_ok=True)


def _check_at_rest(workspace: Workspace, model: str) -> None:
    spool = workspace.serving(model) / "spool"
    if is_held(spool):
        raise ConflictError(
            f"the endpoint of {model} is running", hint="Stop it first, start it by its new name after."
        )
    claimed = left_over(spool) if spool.is_dir() else []
    waiting = sum(len(each.segments()) for each in claimed)
    for each in claimed:
        each.release()
    if waiting:
        raise ConflictError(
            f"predictions of {model} wait to be moved to the prediction log",
            hint=f"Start its endpoint once and stop it: mvops serve {model}",
        )
