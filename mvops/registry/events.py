"""The audit log: who did what, when. Lines are added, never changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlmodel import col, select

from mvops.core.frozen import Frozen
from mvops.registry.database import Registry
from mvops.registry.owner import whoami
from mvops.registry.tables import EventRow
from mvops.registry.values import utc_now


class Event(Frozen):
    """One line. `subject` is what it happened to, such as a model's name or an address; `actor` is user@host."""

    id: int
    time: datetime
    actor: str
    kind: str
    subject: str
    message: str
    details: dict[str, Any]


def record_event(
    registry: Registry, kind: str, subject: str, message: str, details: Mapping[str, Any] | None = None
) -> None:
    """Add a line, as of now, by the user who runs this."""
    row = EventRow(
        time=utc_now(),
        actor=whoami(),
        kind=kind,
        subject=subject,
        message=message,
        details=dict(details or {}),
    )
    with registry.session() as session:
        session.add(row)


def events(
    registry: Registry, limit: int | None = 50, subject: str | None = None, kind: str | None = None
) -> list[Event]:
    """The last lines, the newest first; None for all."""
    query = select(EventRow).order_by(col(EventRow.id).desc()).limit(limit)
    if kind is not None:
        query = query.where(EventRow.kind == kind)
    if subject is not None:
        query = query.where(EventRow.subject == subject)
    with registry.reading() as session:
        return [Event.model_validate(row.model_dump()) for row in session.exec(query)]
