"""A model under another name, with all that the registry knows of it, in one transaction."""

from __future__ import annotations

from collections.abc import Collection

from sqlmodel import Session, col, delete, func, select, update

from mvops.core.state import Record
from mvops.errors import RegistryError
from mvops.registry.database import Registry
from mvops.registry.lock import Hold
from mvops.registry.records import forget_record, put_record
from mvops.registry.tables import (
    AlertRow,
    ChampionRow,
    CursorRow,
    EventRow,
    RecordRow,
    RolloutRow,
    RunRow,
    SummaryRow,
    VersionRow,
)

_WITH_MODEL = (ChampionRow, RolloutRow, RunRow, AlertRow, SummaryRow, CursorRow)


def rename_model(registry: Registry, hold: Hold | None, old: str, new: str, kinds: Collection[str]) -> int:
    """Give `old` the name `new`: versions, champions, rollouts, runs, summaries, alerts, events, these kinds' records.

    Returns the number of versions that `new` has then; where it was done before, nothing happens. Raises RegistryError
    if both have versions or runs.
    """
    with registry.session() as session:
        if hold is not None:
            hold.confirm(session)
        if _known(session, old) and _known(session, new):
            raise RegistryError(f"The registry knows a model {new} already.", hint="Choose another name.")
        _copy_versions(session, old, new)
        for table in _WITH_MODEL:
            session.exec(update(table).where(col(table.model) == old).values(model=new))
        session.exec(delete(VersionRow).where(col(VersionRow.model) == old))
        session.exec(update(EventRow).where(col(EventRow.subject) == old).values(subject=new))
        for kind in sorted(kinds):
            _record(session, f"{kind}.{old}", f"{kind}.{new}")
        return session.exec(select(func.count()).select_from(VersionRow).where(VersionRow.model == new)).one()


def versions_under(registry: Registry, name: str, kinds: Collection[str]) -> int | None:
    """How many versions a model has by this name; None where nothing at all is known of one."""
    with registry.reading() as session:
        known = _known(session, name) or any(session.get(RecordRow, f"{kind}.{name}") for kind in kinds)
        if not known:
            return None
        return session.exec(select(func.count()).select_from(VersionRow).where(VersionRow.model == name)).one()


def _known(session: Session, model: str) -> bool:
    counts = (select(func.count()).select_from(t).where(col(t.model) == model) for t in (VersionRow, RunRow))
    return any(session.exec(count).one() for count in counts)


def _copy_versions(session: Session, old: str, new: str) -> None:
    """Before anything else: champions and rollouts point to them."""
    for row in session.exec(select(VersionRow).where(VersionRow.model == old)).all():
        session.add(VersionRow(**(row.model_dump() | {"model": new})))
    session.flush()


def _record(session: Session, old: str, new: str) -> None:
    row = session.get(RecordRow, old)
    if row is not None:
        record = Record(address=new, spec=row.spec, outputs=row.outputs)
        session.expunge(row)
        forget_record(session, old)
        put_record(session, record)
