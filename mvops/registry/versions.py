"""Versions, and who is champion."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from sqlmodel import Session, col, func, select

from mvops.core.frozen import Frozen
from mvops.core.version import Draft, Version
from mvops.errors import RegistryError
from mvops.registry.columns import as_utc, utc_now
from mvops.registry.database import Registry
from mvops.registry.engines import only_one
from mvops.registry.tables import ChampionRow, VersionRow

_ALL = "SELECT v.model, v.number, v.created, v.run, v.fingerprint, v.body FROM mvops_versions v"
_COLUMNS = {"model", "number", "created", "run", "fingerprint"}


class Reign(Frozen):
    """A version was champion from `since` to `until`; None while it is."""

    model: str
    number: int
    since: datetime
    until: datetime | None
    reason: str


def register(registry: Registry, draft: Draft) -> Version:
    """Give `draft` the model's next number and keep it for ever; a number that a Version brings is not looked at."""
    with registry.session() as session:
        only_one(session.connection(), f"versions {draft.model}")
        last = session.exec(select(func.max(VersionRow.number)).where(VersionRow.model == draft.model)).one()
        given = {"number": (last or 0) + 1, "created": as_utc(draft.created)}
        version = Version.model_validate(draft.model_dump() | given)
        body = version.model_dump(mode="json", exclude=_COLUMNS)
        session.add(VersionRow(**version.model_dump(include=_COLUMNS), body=body))
    return version


def versions(registry: Registry, model: str) -> list[Version]:
    """All versions of a model, the oldest first."""
    return [_read(*row) for row in registry.rows(f"{_ALL} WHERE v.model = :model ORDER BY v.number", model=model)]


def find_version(registry: Registry, model: str, number: int) -> Version | None:
    """One version."""
    found = registry.rows(f"{_ALL} WHERE v.model = :model AND v.number = :number", model=model, number=number)
    return next((_read(*row) for row in found), None)


def version_of_run(registry: Registry, model: str, run: str) -> Version | None:
    """The version that a run made: what a resumed retraining asks before it registers again."""
    query = select(VersionRow).where(VersionRow.model == model, VersionRow.run == run)
    with registry.reading() as session:
        row = session.exec(query.order_by(col(VersionRow.number)).limit(1)).first()
        return None if row is None else _version(row)


def champion(registry: Registry, model: str) -> Version | None:
    """The version that serves."""
    found = registry.rows(
        f"{_ALL} JOIN mvops_champions c ON c.model = v.model AND c.number = v.number"
        " WHERE c.model = :model ORDER BY c.id DESC LIMIT 1",
        model=model,
    )
    return next((_read(*row) for row in found), None)


def serving(registry: Registry) -> dict[str, int]:
    """The number of the version that serves, for each model that has one, also for one that is not in the YAML."""
    last = select(func.max(ChampionRow.id)).group_by(col(ChampionRow.model))
    query = select(ChampionRow).where(col(ChampionRow.id).in_(last)).order_by(col(ChampionRow.model))
    with registry.reading() as session:
        return {row.model: row.number for row in session.exec(query)}


def set_champion(registry: Registry, model: str, number: int, reason: str) -> Reign:
    """Make a registered version the champion; one that already is stays so, with its first reason."""
    with registry.session() as session:
        only_one(session.connection(), f"champion {model}")
        if session.get(VersionRow, (model, number)) is None:
            raise RegistryError(
                f"{model} has no version {number}.", hint=f"See which there are: mvops versions list {model}"
            )
        current = _current(session, model)
        if current is None or current.number != number:
            current = ChampionRow(model=model, number=number, since=utc_now(), reason=reason)
            session.add(current)
        return _reign(current, None)


def champions(registry: Registry, model: str) -> list[Reign]:
    """Who was champion when, the oldest first."""
    query = select(ChampionRow).where(ChampionRow.model == model).order_by(col(ChampionRow.id))
    with registry.reading() as session:
        rows = session.exec(query).all()
    ends = [row.since for row in rows[1:]]
    return [_reign(row, until) for row, until in zip(rows, [*ends, None], strict=False)]


def _current(session: Session, model: str) -> ChampionRow | None:
    query = select(ChampionRow).where(ChampionRow.model == model)
    return session.exec(query.order_by(col(ChampionRow.id).desc()).limit(1)).first()


def _reign(row: ChampionRow, until: datetime | None) -> Reign:
    return Reign(model=row.model, number=row.number, since=row.since, until=until, reason=row.reason)


def _read(*row: Any) -> Version:
    """A version from `_ALL`: SQLAlchemy's objects take several times as long."""
    model, number, created, run, fingerprint, body = row
    moment = datetime.fromisoformat(created).replace(tzinfo=UTC) if isinstance(created, str) else as_utc(created)
    columns = {"model": model, "number": number, "created": moment, "run": run, "fingerprint": fingerprint}
    return Version.model_validate({**json.loads(body), **columns})


def _version(row: VersionRow) -> Version:
    return Version.model_validate({**row.body, **row.model_dump(include=_COLUMNS)})
