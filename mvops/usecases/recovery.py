"""Putting a copy in the place of a registry that was lost or damaged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mvops.core.environment import hidden_folder
from mvops.errors import ConflictError, LockedError, RegistryError, UsageError
from mvops.lifecycle.route_file import put_aside, told_of
from mvops.loading.find import find_project
from mvops.loading.load import load_project
from mvops.registry.copies import identity, newest_copy, put_in_place, time_of, versions_in
from mvops.registry.database import open_registry
from mvops.registry.lock import current_lock
from mvops.registry.marker import mark
from mvops.registry.places import locate
from mvops.serving.ownership import is_held


@dataclass(frozen=True)
class Copy:
    """A copy of a project's registry, and where it belongs.

    `strange` are the folders in which an endpoint is told of versions that the copy does not know: another registry's,
    or such as were made after it.
    """

    path: Path
    made: datetime
    registry: Path
    is_whole: bool  # can the registry that is there now be read
    strange: tuple[Path, ...] = ()


def find_copy(start: Path, environment: str | None = None, chosen: Path | None = None) -> Copy:
    """The newest copy of the registry of the project in `start` or above it, or the `chosen` one.

    That may be named as seen from where the user stands, or from the project's folder. Raises UsageError where there is
    none, LockedError while another command works with the registry.
    """
    root = find_project(start)
    project = load_project(root, (), environment)
    file = locate(project.registry, root).file
    if file is None:
        raise UsageError(
            "the copies of a registry on PostgreSQL are those of the server", hint="Restore it there: pg_restore"
        )
    if chosen is not None and not chosen.is_file():
        chosen = root / chosen
    path = newest_copy(file) if chosen is None else chosen
    if chosen is not None and (not chosen.is_file() or identity(chosen) is None):
        raise UsageError(f"{chosen} is no copy of a registry", hint=f"Those there are: ls {file}*.bak")
    if path is None:
        raise UsageError(f"there is no copy of {file}", hint="Restore it from a backup of your own.")
    strange = _strange(path, root / hidden_folder(environment) / "serving")
    return Copy(path, time_of(path), file, _is_whole(project.registry, root, environment), tuple(strange))


def restore(copy: Copy) -> list[Path]:
    """Put the copy in its place; returns where what was there is now, and what it knows nothing of in the traffic.

    Raises ConflictError while an endpoint runs by that.
    """
    for folder in copy.strange:
        if is_held(folder / "spool"):
            raise ConflictError(
                f"an endpoint is running by {folder}, with versions that {copy.path.name} knows nothing of",
                hint="Stop it where it was started (Ctrl-C), then type this again.",
            )
    aside = put_in_place(copy.path, copy.registry)
    if (known := identity(copy.registry)) is not None:
        mark(copy.registry, *known)
    return [*aside, *(path for folder in copy.strange if (path := put_aside(folder)) is not None)]


def _strange(copy: Path, serving: Path) -> Iterator[Path]:
    known = versions_in(copy)
    if known is None or not serving.is_dir():
        return
    for folder in sorted(serving.iterdir()):
        if not folder.is_symlink() and not known.issuperset(told_of(folder)):
            yield folder


def _is_whole(url: str, root: Path, environment: str | None) -> bool:
    try:
        with open_registry(url, root, create=False, environment=environment) as registry:
            holder = current_lock(registry)
    except RegistryError:
        return False
    if holder is not None and not holder.gone:
        raise LockedError(
            f"the project is locked by process {holder.pid} on {holder.host} with `{holder.command}`",
            hint=f"Wait for it. If it is sure to be dead: mvops unlock {holder.token}",
        )
    return True
