"""Outcomes in the prediction log: adding them, and putting others in their place. SQLAlchemy Core only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, delete, select

from mvops.core.prediction import Outcome
from mvops.registry.prediction_tables import EARLY, OUTCOMES, PREDICTIONS, outcome_row, same_value
from mvops.registry.statements import insert_missing

_IDS = 500  # ids in one statement


class OutcomeCount(int):
    """How many outcomes are new and belong to a logged prediction; with what became of the others.

    `repeated` counts those that were there already; `different` are the ids whose outcome was there with another
    value, which stays, unless it was to be replaced; `unknown` are ids of no logged prediction: their outcomes are
    kept until it comes.
    """

    repeated: int
    different: tuple[str, ...]
    unknown: tuple[str, ...]


def compare(connection: Connection, outcomes: Sequence[Outcome]) -> tuple[OutcomeCount, dict[str, Outcome], set[str]]:
    """What adding these would do, those that are new by id, and the ids of logged predictions."""
    ids = [outcome.prediction_id for outcome in outcomes]
    fresh: dict[str, Outcome] = {}
    different: list[str] = []
    known = {row.id for row in rows_with(connection, PREDICTIONS.c.id, ids)}
    kept = {row.prediction_id: row.outcome for t in (OUTCOMES, EARLY) for row in rows_of(connection, t, ids)}
    for outcome in outcomes:
        if outcome.prediction_id not in kept:
            fresh[outcome.prediction_id] = outcome
            kept[outcome.prediction_id] = outcome.outcome
        elif not same_value(kept[outcome.prediction_id], outcome.outcome):
            different.append(outcome.prediction_id)
    count = OutcomeCount(len(fresh.keys() & known))
    count.repeated = len(outcomes) - len(fresh)
    count.different = tuple(dict.fromkeys(different))
    count.unknown = tuple(key for key in dict.fromkeys(ids) if key not in known)
    return count, fresh, known


def add(connection: Connection, outcomes: Sequence[Outcome]) -> OutcomeCount:
    """For each prediction the first outcome stays."""
    count, fresh, known = compare(connection, outcomes)
    insert(connection, OUTCOMES, [outcome_row(o) for key, o in fresh.items() if key in known])
    insert(connection, EARLY, [outcome_row(o) for key, o in fresh.items() if key not in known])
    return count


def replace(connection: Connection, outcomes: Sequence[Outcome]) -> OutcomeCount:
    """For each prediction the last outcome counts; one that takes another's place is read as new ones are."""
    latest = list({outcome.prediction_id: outcome for outcome in outcomes}.values())
    count, _, _ = compare(connection, latest)
    _remove(connection, OUTCOMES, count.different)
    _remove(connection, EARLY, count.different)
    add(connection, latest)
    return count


def admit(connection: Connection, ids: list[str]) -> None:
    """Move the outcomes that waited for these predictions to the others."""
    rows = [{**row._mapping} for row in rows_of(connection, EARLY, ids)]  # noqa: SLF001  the documented name
    insert(connection, OUTCOMES, rows)
    _remove(connection, EARLY, [row["prediction_id"] for row in rows])


def insert(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> int:
    """Insert those that are missing; how many were."""
    if not rows:
        return 0
    statement = insert_missing(connection.dialect.name, table)
    return connection.execute(statement, rows, execution_options={"preserve_rowcount": True}).rowcount


def rows_of(connection: Connection, table: Table, ids: Sequence[str]) -> list[Any]:
    """The outcomes of these predictions."""
    columns = [table.c.prediction_id, table.c.outcome, table.c.received]
    return rows_with(connection, columns[0], ids, columns[1:])


def rows_with(
    connection: Connection, key: ColumnElement[str], ids: Sequence[str], others: Sequence[ColumnElement[Any]] = ()
) -> list[Any]:
    """The rows with one of these ids."""
    rows: list[Any] = []
    for start in range(0, len(ids), _IDS):
        rows += connection.execute(select(key, *others).where(key.in_(ids[start : start + _IDS])))
    return rows


def _remove(connection: Connection, table: Table, ids: Sequence[str]) -> None:
    for start in range(0, len(ids), _IDS):
        connection.execute(delete(table).where(table.c.prediction_id.in_(ids[start : start + _IDS])))
