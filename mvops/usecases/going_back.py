"""The whole project back to a state that was applied before: YAML, notebooks, versions, traffic."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from mvops.atomic import content_at, write_atomically
from mvops.core.address import Address, name_of
from mvops.core.environment import wording
from mvops.core.former import Former
from mvops.core.plan import Plan
from mvops.core.regeneration import sha256
from mvops.errors import ConflictError
from mvops.lifecycle.code import committed
from mvops.loading.files import SpecFile, own_files
from mvops.loading.load import load_files
from mvops.registry.glance import renamed_to
from mvops.registry.versions import find_version
from mvops.usecases.former_states import contents_of, former_state, former_states, is_of_another
from mvops.usecases.plan import plan
from mvops.workspace import Workspace


@dataclass(frozen=True)
class WayBack:
    """A plan to a former state, the workspace as it was then, and the files that come with it (None: goes)."""

    former: Former
    workspace: Workspace
    plan: Plan
    files: Mapping[str, bytes | None]


def way_back(workspace: Workspace, serial: int | None = None) -> WayBack:
    """The plan to the state with this serial, else to the one before the present one. Changes nothing.

    Raises UsageError for a state that is not on record, ConflictError where files would be lost that are neither
    applied nor committed, or a version is gone.
    """
    former = former_state(workspace, serial)
    environment = workspace.project.environment
    there = {file.shown.as_posix(): file for file in own_files(workspace.root)}
    kept = [file for file in there.values() if is_of_another(file, environment)]
    texts = contents_of(workspace, former.applied.files)
    was = [
        SpecFile(Path(path).relative_to("configs").with_suffix("").as_posix(), Path(path), texts[path])
        for path in texts
    ]
    was = [file for file in was if not is_of_another(file, environment)]
    project = load_files([*was, *kept], former.applied.overrides, environment)
    notebooks = contents_of(workspace, former.applied.notebooks)
    wanted: dict[str, bytes | None] = {file.shown.as_posix(): file.data for file in was}
    wanted |= notebooks
    wanted |= {path: None for path, file in there.items() if path not in texts and not is_of_another(file, environment)}
    files = {path: data for path, data in sorted(wanted.items()) if content_at(workspace.root / path) != data}
    _check_kept(workspace, files)
    _check_versions(workspace, former)
    stand_ins = {path: _stand_in(workspace, path, notebooks[path]) for path in files.keys() & notebooks.keys()}
    then = replace(workspace, project=project, overrides=former.applied.overrides, stand_ins=stand_ins)
    made = plan(then, back=former)
    told = (*made.notices, *_told(files, former, then))
    return WayBack(former, then, made.model_copy(update={"notices": told}).sealed(), files)


def lay_out(way: WayBack) -> Workspace:
    """Write the state's files into the project; returns the workspace to apply the plan in."""
    for path, data in way.files.items():
        target = way.workspace.root / path
        if data is None:
            target.unlink(missing_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(target, data)
    return replace(way.workspace, stand_ins={})


def _told(files: Mapping[str, bytes | None], former: Former, workspace: Workspace) -> Iterator[str]:
    for path, data in files.items():
        fate = (
            "is taken away: it was not there then"
            if data is None
            else f"is written as it was in state {former.applied.serial}"
        )
        yield f"{path} {fate}"
    if files and workspace.project.environment:
        yield "the YAML and the notebooks are those of every environment: plan there too"
    if former.applied.overrides:
        yield f"that state was applied with overrides, and so it is planned: {' '.join(former.applied.overrides)}"


def _stand_in(workspace: Workspace, path: str, data: bytes) -> Path:
    """The former notebook, where a plan can read it before it is written back."""
    copy = workspace.cache / "former" / sha256(data) / Path(path).name
    if content_at(copy) != data:
        copy.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(copy, data)
    return copy


def _check_kept(workspace: Workspace, files: Iterable[str]) -> None:
    """Nothing is written over that could not be brought back."""
    states = former_states(workspace)
    known = {digest for each in states for digest in each.contents().values()}
    for path in files:
        there = content_at(workspace.root / path)
        if there is not None and sha256(there) not in known and not committed(workspace.root, path):
            raise ConflictError(
                f"{path} has changes that are neither applied nor committed to Git, and they would be lost",
                hint="Commit them, or apply them, then type this again.",
            )


def _check_versions(workspace: Workspace, former: Former) -> None:
    made = {
        name_of(Address(where)): int(outputs["version"])
        for where, outputs in former.applied.outputs.items()
        if "version" in outputs
    }
    for model in sorted(made):
        number = former.champions.get(model, made[model])
        version = find_version(workspace.registry, model, number)
        if version is None or not workspace.store.has(version.artifact.sha256):
            raise ConflictError(
                f"state {former.applied.serial} had version {number} of {model}, which is not there any more",
                hint=_renamed(workspace, model),
            )


def _renamed(workspace: Workspace, model: str) -> str:
    """What to do first where the model that is not there has another name now."""
    now, seen = model, {model}
    while now not in workspace.project.models and (newer := renamed_to(workspace.registry, now)) not in {"", *seen}:
        seen.add(now := newer)
    if now == model or now not in workspace.project.models:
        return "Another state: mvops rollback --project --to STATE; mvops history says which there are"
    typed = wording(workspace.project.environment)["typed"]
    return f"{model} is called {now} now. Give it that name first: {typed} state mv {now} {model}"
