"""Inserts that a second attempt does not harm, on both databases."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import Insert


def insert_missing(dialect: str, table: Table) -> Insert:
    """Insert rows; one that is already there stays as it is."""
    if dialect == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()


def insert_or_replace(dialect: str, table: Table, values: list[dict[str, Any]]) -> Insert:
    """Insert rows; one with the same primary key gets the new values."""
    keys = [column.name for column in table.primary_key]
    others = [name for name in values[0] if name not in keys]
    if dialect == "postgresql":
        draft = postgresql.insert(table)
        return draft.on_conflict_do_update(index_elements=keys, set_={name: draft.excluded[name] for name in others})
    plain = sqlite.insert(table)
    return plain.on_conflict_do_update(index_elements=keys, set_={name: plain.excluded[name] for name in others})
