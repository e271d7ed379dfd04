"""Calling a model by another name, everywhere that mvops keeps something of it."""

from __future__ import annotations

import shutil
from pathlib import Path

from mvops.core.steps import RenameModel, RestoreRoute
from mvops.errors import ConflictError
from mvops.performing.traffic import restore_route
from mvops.registry.events import record_event
from mvops.registry.glance import Names, renamed
from mvops.registry.lock import Hold
from mvops.registry.renaming import rename_model
from mvops.serving.ownership import is_held, left_over
from mvops.workspace import Workspace


def rename_everywhere(step: RenameModel, workspace: Workspace, hold: Hold | None = None) -> dict[str, str]:
    """Registry, prediction log and traffic; what an interrupted one has done is not done again.

    Leaves how many versions and predictions go by the new name. An endpoint that runs goes on. Raises ConflictError
    where one runs by the new name, RegistryError where both names are known.
    """
    if _is_at_work(workspace.serving(step.model)):
        _move(workspace.serving(step.model), workspace.serving(step.name))
    _leave_traffic(workspace, step.model)
    with workspace.predictions() as log:
        predictions = log.rename(step.model, step.name)
    with workspace.registry.session():
        versions = rename_model(workspace.registry, hold, step.model, step.name, step.kinds)
        record_event(workspace.registry, "rename", step.name, renamed(Names(step.model, step.name)))
    restore_route(RestoreRoute(model=step.name), workspace)
    return {"versions": str(versions), "predictions": str(predictions)}


def _leave_traffic(workspace: Workspace, model: str) -> None:
    """Without ending a rollout, which goes on by the new name."""
    folder = workspace.serving(model)
    for path in (folder / "route.json", *folder.glob("v*.json")):
        path.unlink(missing_ok=True)


def _is_at_work(folder: Path) -> bool:
    """Does an endpoint run there, or have predictions that are not yet in the log."""
    spool = folder / "spool"
    if is_held(spool):
        return True
    claimed = left_over(spool) if spool.is_dir() else []
    waiting = any(each.segments() for each in claimed)
    for each in claimed:
        each.release()
    return waiting


def _move(folder: Path, to: Path) -> None:
    """An endpoint that runs finds its folder by the old name, and sees there which one it has now."""
    if folder.is_symlink():  # what was interrupted has moved it
        return
    if to.is_symlink():  # a name that it had before
        to.unlink()
    elif to.is_dir():
        if _is_at_work(to) or any(to.glob("spool/*.damaged")):
            raise ConflictError(
                f"an endpoint has run as {to.name} before, and runs or left predictions in {to}/spool",
                hint=f"Stop it, and move {to} away.",
            )
        shutil.rmtree(to)
    folder.rename(to)
    folder.symlink_to(to.name)
