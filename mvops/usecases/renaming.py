"""Renaming a model without losing anything that is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mvops.core.naming import check_name
from mvops.core.steps import RenameModel
from mvops.errors import UsageError
from mvops.loading.renames import Left, rename_in_yaml
from mvops.performing.renaming import rename_everywhere
from mvops.registry.lock import hold_lock
from mvops.usecases.moving import kinds_of_a_model
from mvops.workspace import Workspace


@dataclass(frozen=True)
class Renamed:
    """How much goes by the new name, the YAML files that were changed, and what is left to do there."""

    versions: int
    predictions: int
    files: Sequence[str]
    left: Sequence[Left]
    others: Sequence[str]  # environments with a registry of their own, which still know it by the old name


def rename(workspace: Workspace, model: str, name: str) -> Renamed:
    """Call `model` by `name`: registry, prediction log, traffic and YAML; an interrupted one is typed again.

    Raises UsageError for a name that is none or taken, ConflictError while its endpoint runs or has predictions that
    are not yet in the log, LockedError.
    """
    check_rename(workspace, model, name)
    with hold_lock(workspace.registry, f"state mv {model} {name}") as hold:
        step = RenameModel(model=model, name=name, kinds=kinds_of_a_model())
        done = rename_everywhere(step, workspace, hold)
    changed = rename_in_yaml(workspace.root, model, name)
    others = [env for env in ("", *changed.environments) if env != (workspace.project.environment or "")]
    return Renamed(int(done["versions"]), int(done["predictions"]), changed.files, changed.left, others)


def check_rename(workspace: Workspace, model: str, name: str) -> None:
    """Raise UsageError for a model that there is not, a name that is none or taken, or a rename that is declared."""
    workspace.model(model)
    try:
        check_name(name)
    except ValueError as error:
        raise UsageError(str(error)) from None
    if name in workspace.project.models:
        raise UsageError(f"this project has a model {name} already")
    for entry in workspace.project.moved:
        if model in (entry.old, entry.new) or name in (entry.old, entry.new):
            raise UsageError(
                f"`moved` in configs/project.yaml has a rename of {entry.old} to {entry.new}, which is done",
                hint="Take that entry out, then type this again.",
            )
