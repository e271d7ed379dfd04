"""Changing the records, in the caller's transaction."""

from __future__ import annotations

from sqlmodel import Session, col, delete, update

from mvops.core.state import Record
from mvops.registry.database import CHANGED
from mvops.registry.tables import RecordRow, RegistryRow


def put_record(session: Session, record: Record) -> None:
    """Insert or replace `record` in the caller's transaction."""
    row = session.get(RecordRow, record.address)
    if row is not None and (row.spec, row.outputs) == (record.spec, record.outputs):
        return
    if row is None:
        session.add(RecordRow(address=record.address, spec=record.spec, outputs=record.outputs))
    else:
        row.spec, row.outputs = record.spec, record.outputs
    _grow_serial(session)


def forget_record(session: Session, address: str) -> None:
    """Delete the record at `address` in the caller's transaction, if there is one."""
    if session.exec(delete(RecordRow).where(col(RecordRow.address) == address)).rowcount:
        _grow_serial(session)


def _grow_serial(session: Session) -> None:
    session.exec(update(RegistryRow).values(serial=col(RegistryRow.serial) + 1))
    session.info[CHANGED] = True
