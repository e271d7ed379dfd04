"""An SQLite registry with Python's own driver: importing SQLAlchemy takes longer than making a plan."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mvops.registry.places import Place
from mvops.registry.troubles import BUSY_SECONDS, of_sqlite
from mvops.registry.unwritten import check_unmoved, connect_unwritten, require_writable


class LightConnection:
    """A connection for any thread, that only reads but in `carry_out`."""

    def __init__(self, place: Place, file: Path) -> None:
        self._place, self._file = place, file
        self._lock = threading.Lock()
        self._connection = (
            connect_unwritten(file, place)
            if place.unwritten
            else sqlite3.connect(
                file, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=32
            )
        )

    def rows(self, query: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """What the query finds. Raises RegistryError."""
        with self._lock:
            try:
                found = self._connection.execute(query, values).fetchall()
            except sqlite3.Error as error:
                check_unmoved(self._place)
                raise of_sqlite(error, self._place, self._file) from error
        check_unmoved(self._place)
        return found

    def carry_out(self, statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """One statement, as a transaction that is on the disk when this returns what it returns.

        Raises RegistryError.
        """
        require_writable(self._place)
        with self._lock:
            try:
                self._connection.execute("PRAGMA query_only = 0")
                self._connection.execute("PRAGMA synchronous = FULL")
                self._connection.execute("PRAGMA foreign_keys = ON")
                try:
                    self._connection.execute("BEGIN IMMEDIATE")  # waits for another writer
                    found = self._connection.execute(statement, values).fetchall()
                    self._connection.execute("COMMIT")
                    return found
                finally:
                    if self._connection.in_transaction:
                        self._connection.execute("ROLLBACK")
                    self._connection.execute("PRAGMA query_only = 1")
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
        kept_as_ours = mode == "wal" or self._place.unwritten
        return (str(lineage), int(serial)) if kept_as_ours and schema == revision else None

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()


def open_lightly(place: Place, revision: str) -> tuple[LightConnection, str, int] | None:
    """A connection, lineage and serial of a registry with which all is well; None: look closer, and say why."""
    if place.file is None:
        return None
    try:
        light = LightConnection(place, place.file)
    except sqlite3.Error:
        return None
    found = light.identity(revision)
    if found is None:
        light.close()
        return None
    return light, *found
