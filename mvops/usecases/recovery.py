"""Putting a copy in the place of a registry that was lost or damaged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mvops.errors import LockedError, RegistryError, UsageError
from mvops.loading.find import find_project
from mvops.loading.load import load_project
from mvops.registry.copies import identity, newest_copy, put_in_place, time_of
from mvops.registry.database import open_registry
from mvops.registry.lock import current_lock
from mvops.registry.marker import mark
from mvops.registry.places import locate


@dataclass(frozen=True)
class Copy:
    """A copy of a project's registry, and where it belongs."""

    path: Path
    made: datetime
    registry: Path
    is_whole: bool  # can the registry that is there now be read


def find_copy(start: Path, environment: str | None = None) -> Copy:
    """The newest copy of the registry of the project in `start` or above it.

    Raises UsageError where there is none, LockedError while another command works with the registry.
    """
    root = find_project(start)
    project = load_project(root, (), environment)
    file = locate(project.registry, root).file
    if file is None:
        raise UsageError(
            "the copies of a registry on PostgreSQL are those of the server", hint="Restore it there: pg_restore"
        )
    path = newest_copy(file)
    if path is None:
        raise UsageError(f"there is no copy of {file}", hint="Restore it from a backup of your own.")
    return Copy(path, time_of(path), file, _is_whole(project.registry, root, environment))


def restore(copy: Copy) -> list[Path]:
    """Put the copy in its place; returns where what was there is now."""
    aside = put_in_place(copy.path, copy.registry)
    if (known := identity(copy.registry)) is not None:
        mark(copy.registry, *known)
    return aside


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
