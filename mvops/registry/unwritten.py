"""An SQLite database where nothing can be written: how it is read all the same, so that nothing old is shown.

SQLite reads a database with a write-ahead log through the log and its index, `-wal` and `-shm`. Where both are there
it reads as ever, and sees what others commit. Where they are not, and nobody may make them, all is in the
database itself. It is then opened as one that does not change, without locks; whether it really did not is looked at
after each transaction.
"""

from __future__ import annotations

import os
import sqlite3
from dataclasses import replace
from pathlib import Path

from mvops.errors import RegistryError, Where
from mvops.registry.places import Place, has_content, wal_of
from mvops.registry.troubles import BUSY_SECONDS

_HINT = "Check the permissions of the file and its folder, or type it where they can be written."


def approach(place: Place) -> Place:
    """The place, with how its database is to be opened; one that is not there and cannot be made is one in memory.

    Raises RegistryError where it cannot be read as it is.
    """
    file = place.file
    if file is None or _may_write(file):
        return place
    if not file.exists():
        return replace(place, file=None, unwritten=True)
    if wal_of(file).exists() and file.with_name(f"{file.name}-shm").exists():
        return replace(place, unwritten=True)
    stamp = _stamp(file)  # before the log is looked for, so that no change falls between
    for log in (wal_of(file), file.with_name(f"{file.name}-journal")):
        if has_content(log):
            raise RegistryError(
                f"The database cannot be read without writing to it: {log.name} has changes that are not in it.",
                where=Where(file),
                hint="Type a command such as `mvops status` once as somebody who may write there.",
            )
    return replace(place, unwritten=True, stamp=stamp)


def _may_write(file: Path) -> bool:
    """Can it be written, or made."""
    if file.exists():
        return os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)
    return os.access(next(folder for folder in file.parents if folder.exists()), os.W_OK)


def require_writable(place: Place) -> None:
    """Raise RegistryError where the database may only be read."""
    if place.unwritten:
        raise RegistryError(
            "The database cannot be written: here it can only be read.", where=Where(Path(place.shown)), hint=_HINT
        )


def check_unmoved(place: Place) -> None:
    """Raise RegistryError where a database that was opened as one that does not change did."""
    file = place.file if place.stamp is not None else None
    if file is not None and (has_content(wal_of(file)) or _stamp(file) != place.stamp):
        raise RegistryError(
            "The database was changed by another process while it was read.",
            where=Where(file),
            hint="Type it again.",
        )


def connect_unwritten(file: Path, place: Place) -> sqlite3.Connection:
    """A connection for any thread that only reads."""
    known = f"{file.absolute().as_uri()}?mode=ro{'&immutable=1' if place.stamp is not None else ''}"
    return sqlite3.connect(known, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, uri=True)


def _stamp(file: Path) -> tuple[int, ...]:
    try:
        found = file.stat()
    except OSError:  # another process took it away
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns
