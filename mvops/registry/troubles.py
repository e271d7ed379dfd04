"""What SQLite's errors mean, and what to do about them."""

from __future__ import annotations

from pathlib import Path

from mvops.errors import LockedError, RegistryError, Where
from mvops.registry.places import Place, damaged

BUSY_SECONDS = 5.0


def of_sqlite(cause: BaseException | None, place: Place, file: Path) -> RegistryError:
    """The error for what the driver raised."""
    name, reason = str(getattr(cause, "sqlite_errorname", "")), str(cause)
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return busy(place)
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return damaged(file, f"The database is damaged: {reason}.")
    if name.startswith("SQLITE_FULL"):
        return RegistryError("The disk is full.", where=Where(file), hint="Free some space, then run it again.")
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_IOERR", "SQLITE_PERM")):
        return RegistryError(
            f"The database cannot be written: {reason}.",
            where=Where(file),
            hint="Check the permissions of the file and its folder, and the space on the disk.",
        )
    return RegistryError(f"The database refused: {reason}.", where=Where(file))


def busy(place: Place) -> LockedError:
    """The error for a database that others kept locked."""
    return LockedError(
        f"The database is busy: {place.shown} has been locked by another process for {BUSY_SECONDS:.0f} seconds.",
        hint="Run the command again when the other one has finished.",
    )
