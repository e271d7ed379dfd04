"""Reading an SQLite registry with Python's own driver: importing SQLAlchemy takes longer than making a plan."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mvops.registry.places import Place
from mvops.registry.troubles import BUSY_SECONDS, of_sqlite


class LightReader:
    """A connection that only reads, for any thread."""

    def __init__(self, place: Place, file: Path) -> None:
        self._place, self._file = place, file
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(
            file, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=32
        )

    def rows(self, query: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """What the query finds. Raises RegistryError."""
        with self._lock:
            try:
                return self._connection.execute(query, values).fetchall()
            except sqlite3.Error as error:
                raise of_sqlite(error, self._place, self._file) from error

    def identity(self, revision: str) -> tuple[str, int] | None:
        """Lineage and serial of a registry with this newest schema that is kept as ours are; None for any other."""
        try:
            self._connection.execute("PRAGMA query_only = 1")
            ((mode,),) = self._connection.execute("PRAGMA journal_mode")
            ((schema,),) = self._connection.execute("SELECT version_num FROM mvops_revision")
            ((lineage, serial),) = self._connection.execute("SELECT lineage, serial FROM mvops_registry")
        except (sqlite3.Error, ValueError):
            return None
        return (str(lineage), int(serial)) if (mode, schema) == ("wal", revision) else None

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()


def read_lightly(place: Place, revision: str) -> tuple[LightReader, str, int] | None:
    """A reader, lineage and serial of a registry with which all is well; None: look closer, and say why."""
    if place.file is None:
        return None
    try:
        reader = LightReader(place, place.file)
    except sqlite3.Error:
        return None
    found = reader.identity(revision)
    if found is None:
        reader.close()
        return None
    return reader, *found
