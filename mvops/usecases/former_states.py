"""What each apply left is kept: the YAML, the notebooks, and which version served. The way back reads it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from pydantic import ValidationError

from mvops.atomic import content_at
from mvops.core.address import Address, kind_of
from mvops.core.former import Applied, Former
from mvops.core.regeneration import sha256
from mvops.errors import UsageError
from mvops.loading.files import SpecFile, own_files
from mvops.registry.events import events
from mvops.registry.state import SqlState
from mvops.registry.versions import serving
from mvops.workspace import Workspace

KEPT = 20  # states
_LOOKED_AT = 10 * KEPT  # applies, also those that failed in part
_MADE_BY_TRAINING = frozenset({"pipeline", "model"})


def keep_state(workspace: Workspace) -> dict[str, Any]:
    """Keep what is there now as an applied state; returns what the audit log is to say of it. Raises ArtifactError."""
    known = {digest for former in former_states(workspace)[:1] for digest in former.contents().values()}
    files = {file.shown.as_posix(): file.data for file in own_files(workspace.root) if not file.refused}
    paths = {book for model in workspace.project.models.values() for book in model.pipeline.books}
    read = {path: content_at(workspace.root / path) for path in sorted(paths)}
    notebooks = {path: content for path, content in read.items() if content is not None}
    state = SqlState(workspace.registry)
    outputs = {
        where: record.outputs
        for where, record in state.records().items()
        if kind_of(Address(where)) in _MADE_BY_TRAINING
    }
    applied = Applied(
        serial=state.serial(),
        files={path: _kept(workspace, data, "yaml", known) for path, data in sorted(files.items())},
        notebooks={path: _kept(workspace, data, "ipynb", known) for path, data in notebooks.items()},
        outputs=outputs,
        overrides=workspace.overrides,
    )
    return applied.model_dump(mode="json")


def _kept(workspace: Workspace, content: bytes, what: str, known: Collection[str]) -> str:
    digest = sha256(content)
    return digest if digest in known else workspace.store.put_bytes(content, what).sha256


def former_states(workspace: Workspace) -> list[Former]:
    """The applied states that there is a way back to, the newest first; the first one is the present one."""
    found: list[Former] = []
    champions = serving(workspace.registry)
    for event in events(workspace.registry, limit=_LOOKED_AT, kind="apply"):
        if len(found) == KEPT:
            break
        try:
            applied = Applied.model_validate(event.details.get("state"))
        except ValidationError:
            applied = None  # one that failed in part, or that an older mvops made
        if applied is not None and all(applied.serial != other.applied.serial for other in found):
            found.append(
                Former(
                    applied=applied,
                    time=event.time,
                    command=event.details["command"],
                    champions={name: champions[name] for name in champions if f"model.{name}" in applied.outputs},
                )
            )
        champions = event.details.get("served", champions)
    return found


def former_state(workspace: Workspace, serial: int | None) -> Former:
    """That state, or the one before the present one. Raises UsageError that lists those there are."""
    known = former_states(workspace)
    chosen = known[1:2] if serial is None else [former for former in known if former.applied.serial == serial]
    if chosen:
        return chosen[0]
    if not known:
        raise UsageError(
            "no state is on record that there is a way back to", hint="From now on: mvops apply keeps them"
        )
    said = "no state before the present one is on record" if serial is None else f"there is no state {serial} on record"
    listed = "\n".join(
        f"{former.applied.serial:>6}  {former.time:%Y-%m-%d %H:%M} UTC  {former.command}" for former in known
    )
    raise UsageError(said, hint=f"States (the last {KEPT} are kept), the first is the present one:\n{listed}")


def contents_of(workspace: Workspace, addresses: Mapping[str, str]) -> dict[str, bytes]:
    """Files of a state, by path. Raises ArtifactError where one is gone or damaged."""
    return {path: workspace.store.read_bytes(sha256) for path, sha256 in addresses.items()}


def is_of_another(file: SpecFile, environment: str | None) -> bool:
    """Is this the overlay of another environment, which stays as it is."""
    folder, _, name = file.option.partition("/")
    return folder == "env" and bool(name) and name != environment
