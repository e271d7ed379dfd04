"""What mvops last made, one record per resource."""

from __future__ import annotations

from sqlmodel import Session, col, delete, select, update

from mvops.core.state import Record
from mvops.registry.database import CHANGED, Registry
from mvops.registry.lock import Hold
from mvops.registry.tables import RecordRow, RegistryRow


class SqlState:
    """The StateStore of the core. With the project's lock given, each write makes sure that it is still held."""

    def __init__(self, registry: Registry, hold: Hold | None = None) -> None:
        self._registry = registry
        self._hold = hold

    def serial(self) -> int:
        """How often the records have changed."""
        with self._registry.reading() as session:
            return session.exec(select(RegistryRow.serial)).one()

    def records(self) -> dict[str, Record]:
        """All records by address, sorted."""
        with self._registry.reading() as session:
            rows = session.exec(select(RecordRow).order_by(col(RecordRow.address))).all()
        return {row.address: Record(address=row.address, spec=row.spec, outputs=row.outputs) for row in rows}

    def record(self, address: str) -> Record | None:
        """One record; None for what is not on record."""
        with self._registry.reading() as session:
            row = session.get(RecordRow, address)
            return None if row is None else Record(address=row.address, spec=row.spec, outputs=row.outputs)

    def put(self, record: Record) -> None:
        """Insert or replace; a record that is already so changes nothing."""
        with self._registry.session() as session:
            _confirm(self._hold, session)
            put_record(session, record)

    def forget(self, address: str) -> None:
        """Delete the record, if there is one."""
        with self._registry.session() as session:
            _confirm(self._hold, session)
            forget_record(session, address)


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


def _confirm(hold: Hold | None, session: Session) -> None:
    if hold is not None:
        hold.confirm(session)
