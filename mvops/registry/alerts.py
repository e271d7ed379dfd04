"""Alerts: at most one with a key is open for a model."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlmodel import Session, col, select

from mvops.core.alert import Alert
from mvops.errors import RegistryError
from mvops.registry.database import Registry
from mvops.registry.statements import insert_missing
from mvops.registry.tables import AlertRow, Base

_TABLE = Base.metadata.tables["mvops_alerts"]


def open_alert(registry: Registry, alert: Alert) -> tuple[Alert, bool]:
    """Open `alert`, whose `id` is given here; the flag is False if one with its key is open, which is then touched."""
    with registry.session() as session:
        insert = insert_missing(registry.dialect, _TABLE).returning(_TABLE.c.id)
        given = session.exec(insert.values(**alert.model_dump(exclude={"id"}))).first()
        if given is not None:
            return _alert(session.get_one(AlertRow, given[0])), True
        query = select(AlertRow).where(
            AlertRow.model == alert.model, AlertRow.key == alert.key, AlertRow.status == "open"
        )
        row = session.exec(query.with_for_update()).one()
        return _touched(row, alert.last_seen, alert.reason, alert.severity), False


def touch(
    registry: Registry,
    alert_id: int,
    seen: datetime,
    reason: str | None = None,
    severity: Literal["warning", "critical"] | None = None,
) -> Alert:
    """An open alert lasted another window, `seen`; a window seen before is not counted again."""
    with registry.session() as session:
        return _touched(_row(session, alert_id), seen, reason, severity)


def resolve(registry: Registry, alert_id: int, at: datetime) -> Alert:
    """The alert is over; resolving it twice keeps the first time."""
    with registry.session() as session:
        row = _row(session, alert_id)
        if row.status == "open":
            row.status, row.resolved = "resolved", at
        return _alert(row)


def alerts(registry: Registry, model: str, status: Literal["open", "resolved"] | None = None) -> list[Alert]:
    """Alerts of a model, the newest first."""
    query = select(AlertRow).where(AlertRow.model == model).order_by(col(AlertRow.id).desc())
    if status is not None:
        query = query.where(AlertRow.status == status)
    with registry.reading() as session:
        return [_alert(row) for row in session.exec(query)]


def _row(session: Session, alert_id: int) -> AlertRow:
    row = session.exec(select(AlertRow).where(AlertRow.id == alert_id).with_for_update()).first()
    if row is None:
        raise RegistryError(f"There is no alert {alert_id}.", hint="See which there are: mvops status")
    return row


def _touched(row: AlertRow, seen: datetime, reason: str | None, severity: str | None) -> Alert:
    if row.status == "open" and seen > row.last_seen:
        row.last_seen = seen
        row.windows += 1
        row.reason = reason or row.reason
        row.severity = severity or row.severity
    return _alert(row)


def _alert(row: AlertRow) -> Alert:
    return Alert.model_validate(row.model_dump())
