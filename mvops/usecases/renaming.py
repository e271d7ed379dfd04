"""Renaming a model without losing anything that is known of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mvops.core.address import address
from mvops.core.naming import check_name
from mvops.core.nearest import did_you_mean
from mvops.core.steps import RenameModel
from mvops.errors import MvopsError, UsageError
from mvops.kinds.kind import kinds
from mvops.loading.load import load_project
from mvops.loading.renames import Left, rename_in_yaml
from mvops.performing.renaming import rename_everywhere
from mvops.registry.database import open_registry
from mvops.registry.lock import hold_lock
from mvops.registry.places import locate
from mvops.registry.renaming import versions_under
from mvops.usecases.moving import kinds_of_a_model
from mvops.workspace import Workspace


@dataclass(frozen=True)
class Renamed:
    """How much goes by the new name, the YAML files that were changed, and what is left to do there."""

    versions: int
    predictions: int
    files: Sequence[str]
    left: Sequence[Left]
    others: Sequence[str]  # environments whose registry still knows it by the old name, "" the project without one
    unseen: Mapping[str, str]  # environments whose registry could not be asked, and why


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
    others, unseen = _still_called(model, workspace, changed.environments)
    return Renamed(int(done["versions"]), int(done["predictions"]), changed.files, changed.left, others, unseen)


def _still_called(model: str, workspace: Workspace, environments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The other environments that have something on record of `model`, and those that could not be asked."""
    others: list[str] = []
    unseen: dict[str, str] = {}
    for name in ("", *environments):
        if name == (workspace.project.environment or ""):
            continue
        try:
            where = load_project(workspace.root, (), name or None).registry
            place = locate(where, workspace.root)
            if place.file is not None and not place.file.exists():  # nothing was ever applied there
                continue
            with open_registry(where, workspace.root, create=False, environment=name or None) as registry:
                if versions_under(registry, model, kinds_of_a_model()) is not None:
                    others.append(name)
        except MvopsError as error:
            unseen[name] = error.message.splitlines()[0]
    return others, unseen


def named_model(workspace: Workspace, typed: str) -> str:
    """The name of a model that was typed by that, or by its address.

    Raises UsageError for one that there is not, with the nearest, and for a resource that is none.
    """
    kind, _, name = typed.rpartition(".")
    if kind in kinds().keys() - {"model"}:
        hint = f"If its model is meant: mvops state mv model.{name} NAME"
        raise UsageError(f"{typed} is not renamed by itself: it goes with its model", hint=hint)
    if kind and (kind != "model" or workspace.name_now(name) is None):
        known = [address("model", each) for each in sorted(workspace.project.models)]
        raise UsageError(f"there is no {typed}{did_you_mean(typed, known)}", hint=f"Models: {', '.join(known)}")
    workspace.model(name)
    return name


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
