"""Reading a model from MLflow's SQLite file, read-only, as importing MLflow's client takes seconds in every plan.

The tables are MLflow's own affair: where they are not as in MLflow 3, its client has the word.
"""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

from mvops.backends.trackers.mlflow.words import seen
from mvops.contracts.trackers import Seen

_PATIENCE = 5  # seconds


class UnknownTablesError(Exception):
    """The file is not as this module knows it."""


def look(path: Path, name: str) -> Seen | None:
    """As rest.look; None also without the file, which a plan does not make. Raises UnknownTablesError."""
    if not path.exists():
        return None
    try:
        with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=_PATIENCE)) as database:
            return _read(database, name)
    except sqlite3.Error as error:
        raise UnknownTablesError from error


def _read(database: sqlite3.Connection, name: str) -> Seen | None:
    def ask(what: str) -> list[Any]:
        return database.execute(what, (name,)).fetchall()

    if not ask("SELECT name FROM registered_models WHERE name = ?"):
        return None
    kept = "SELECT version FROM model_versions WHERE name = ? AND current_stage != 'Deleted_Internal'"
    versions: dict[str, dict[str, str]] = {str(version): {} for (version,) in ask(kept)}
    for version, key, value in ask('SELECT version, "key", value FROM model_version_tags WHERE name = ?'):
        versions.get(str(version), {})[key] = value
    tags = ask('SELECT "key", value FROM registered_model_tags WHERE name = ?')
    aliases = ask("SELECT alias, version FROM registered_model_aliases WHERE name = ?")
    return seen(dict(tags), {alias: str(version) for alias, version in aliases}, versions)
