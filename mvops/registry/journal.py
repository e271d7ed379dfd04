"""What apply was about to do, and what became of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select, update

from mvops.core.state import Record
from mvops.errors import RegistryError
from mvops.registry.database import Registry
from mvops.registry.lock import Hold
from mvops.registry.records import forget_record, put_record
from mvops.registry.tables import JournalRow
from mvops.registry.values import utc_now


class SqlJournal:
    """The Journal of the core. With the project's lock given, each write makes sure that it is still held."""

    def __init__(self, registry: Registry, hold: Hold | None = None) -> None:
        self._registry = registry
        self._hold = hold

    def started(self, plan_id: str, action: dict[str, Any]) -> int:
        """Write down, before acting, what is about to be done; the answer names the entry."""
        row = JournalRow(plan_id=plan_id, action=action, status="started", started=utc_now())
        with self._registry.session() as session:
            self._confirm(session)
            session.add(row)
            session.flush()
            assert row.entry is not None
            return row.entry

    def finished(
        self, entry: int, outputs: dict[str, str], *, record: Record | None = None, forget: str | None = None
    ) -> None:
        """The action is done; its record is put, or that of `forget` removed, in the same transaction."""
        with self._registry.session() as session:
            self._confirm(session)
            _end(session, entry, {"status": "finished", "outputs": outputs})
            if record is not None:
                put_record(session, record)
            if forget is not None:
                forget_record(session, forget)

    def failed(self, entry: int, error: str) -> None:
        """The action was given up; `error` says why."""
        with self._registry.session() as session:
            self._confirm(session)
            _end(session, entry, {"status": "failed", "error": error})

    def unfinished(self) -> list[dict[str, Any]]:
        """Actions that an apply began and neither finished nor gave up, oldest first.

        Keys: entry, plan_id, action, and started as ISO text.
        """
        with self._registry.reading() as session:
            query = select(JournalRow).where(JournalRow.status == "started").order_by(col(JournalRow.entry))
            rows = session.exec(query).all()
        return [
            {"entry": row.entry, "plan_id": row.plan_id, "action": row.action, "started": row.started.isoformat()}
            for row in rows
        ]

    def _confirm(self, session: Session) -> None:
        if self._hold is not None:
            self._hold.confirm(session)


def kept_with(registry: Registry, content: str) -> Iterator[dict[str, str]]:
    """The outputs of each action that kept data and names this digest of them, the newest first.

    Content stays when other data follow; the digest may be that of the data before.
    """
    query = "SELECT outputs FROM mvops_journal WHERE outputs LIKE :keeps AND action LIKE :content"
    query += " AND status = 'finished' ORDER BY entry DESC"
    found = registry.rows(query, keeps='%"manifest"%', content=f'%"{content}"%')
    for text in dict.fromkeys(text for (text,) in found):
        yield json.loads(text)


def finished_since(registry: Registry, address: str, since: datetime) -> list[dict[str, Any]]:
    """What was begun with the resource after that moment, and done, oldest first."""
    with registry.reading() as session:
        query = select(JournalRow).where(JournalRow.status == "finished", col(JournalRow.started) > since)
        rows = session.exec(query.order_by(col(JournalRow.entry))).all()
    return [row.action for row in rows if row.action["address"] == address]


def _end(session: Session, entry: int, values: dict[str, Any]) -> None:
    where = (col(JournalRow.entry) == entry, col(JournalRow.status) == "started")
    if not session.exec(update(JournalRow).where(*where).values(ended=utc_now(), **values)).rowcount:
        raise RegistryError(f"Entry {entry} of the journal is not in progress.")
