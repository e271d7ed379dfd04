"""Summaries of the prediction log, and how far it has been read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlmodel import Session, col, select

from mvops.core.frozen import Frozen
from mvops.errors import ConflictError
from mvops.registry.database import Registry
from mvops.registry.engines import only_one
from mvops.registry.statements import insert_or_replace
from mvops.registry.tables import Base, CursorRow, SummaryRow

_SUMMARIES = Base.metadata.tables["mvops_summaries"]
_CURSORS = Base.metadata.tables["mvops_cursors"]


class Cursor(Frozen):
    """The last `seq` that has been summarised, of predictions and of outcomes; 0 before the first."""

    predictions: int = 0
    outcomes: int = 0


class Summary(NamedTuple):
    """One version and arm in the time bucket that begins at `start`."""

    version: int
    arm: str
    start: datetime
    text: str  # JSON, in the monitoring package's own format


def save_summaries(
    registry: Registry, model: str, rows: Sequence[tuple[int, str, datetime, str]], *, before: Cursor, after: Cursor
) -> None:
    """Insert or replace summaries and move the cursor, in one transaction.

    `before` is the cursor from which the rows were made. Raises ConflictError if another monitor has moved it since:
    then the rows would count predictions twice.
    """
    with registry.session() as session:
        only_one(session.connection(), f"summaries {model}")
        if _cursor(session, model) != before:
            raise ConflictError(f"Another monitor of {model} has gone ahead meanwhile.", hint="Run it again.")
        documents = [{"model": model, **Summary(*row)._asdict()} for row in rows]
        for document in documents:
            document["document"] = document.pop("text")
        if documents:
            session.exec(insert_or_replace(registry.dialect, _SUMMARIES, documents), params=documents)
        values = {"model": model, "judged": _judged(session, model), **after.model_dump()}
        session.exec(insert_or_replace(registry.dialect, _CURSORS, [values]), params=values)


def summaries(
    registry: Registry, model: str, since: datetime | None = None, until: datetime | None = None
) -> list[Summary]:
    """Summaries of buckets that begin at `since` or later and before `until`, by time, version and arm."""
    query = select(SummaryRow).where(SummaryRow.model == model)
    if since is not None:
        query = query.where(SummaryRow.start >= since)
    if until is not None:
        query = query.where(SummaryRow.start < until)
    query = query.order_by(col(SummaryRow.start), col(SummaryRow.version), col(SummaryRow.arm))
    with registry.reading() as session:
        return [Summary(row.version, row.arm, row.start, row.document) for row in session.exec(query)]


def cursor(registry: Registry, model: str) -> Cursor:
    """How far the model's predictions and outcomes have been summarised."""
    with registry.reading() as session:
        return _cursor(session, model)


def judged_until(registry: Registry, model: str) -> datetime | None:
    """The end of the last window that has been judged; None before the first."""
    with registry.reading() as session:
        return _judged(session, model)


def save_judged(registry: Registry, model: str, until: datetime) -> None:
    """Windows that end by `until` have been judged; an earlier time than the one known changes nothing."""
    with registry.session() as session:
        only_one(session.connection(), f"summaries {model}")
        row = session.get(CursorRow, model)
        if row is None:
            session.add(CursorRow(model=model, predictions=0, outcomes=0, judged=until))
        elif row.judged is None or until > row.judged:
            row.judged = until


def _judged(session: Session, model: str) -> datetime | None:
    row = session.get(CursorRow, model)
    return None if row is None else row.judged


def _cursor(session: Session, model: str) -> Cursor:
    row = session.get(CursorRow, model)
    return Cursor() if row is None else Cursor(predictions=row.predictions, outcomes=row.outcomes)
