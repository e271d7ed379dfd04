"""What mvops last made, one record per resource."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mvops.core.state import Record
from mvops.registry.database import Registry

if TYPE_CHECKING:
    from mvops.registry.lock import Hold


class SqlState:
    """The StateStore of the core. With the project's lock given, each write makes sure that it is still held."""

    def __init__(self, registry: Registry, hold: Hold | None = None) -> None:
        self._registry = registry
        self._hold = hold

    def serial(self) -> int:
        """How often the records have changed."""
        ((serial,),) = self._registry.rows("SELECT serial FROM mvops_registry")
        return int(serial)

    def records(self) -> dict[str, Record]:
        """All records by address, sorted."""
        rows = self._registry.rows("SELECT address, spec, outputs FROM mvops_records")
        return {
            where: Record(address=where, spec=json.loads(spec), outputs=json.loads(outputs))
            for where, spec, outputs in sorted(rows)
        }

    def record(self, address: str) -> Record | None:
        """One record; None for what is not on record."""
        rows = self._registry.rows("SELECT spec, outputs FROM mvops_records WHERE address = :where", where=address)
        return next((Record(address=address, spec=json.loads(s), outputs=json.loads(o)) for s, o in rows), None)

    def put(self, record: Record) -> None:
        """Insert or replace; a record that is already so changes nothing."""
        from mvops.registry.records import put_record  # noqa: PLC0415 -- SQLModel, which reading does without

        with self._registry.session() as session:
            if self._hold is not None:
                self._hold.confirm(session)
            put_record(session, record)

    def forget(self, address: str) -> None:
        """Delete the record, if there is one."""
        from mvops.registry.records import forget_record  # noqa: PLC0415 -- the same

        with self._registry.session() as session:
            if self._hold is not None:
                self._hold.confirm(session)
            forget_record(session, address)
