"""Versions, and who is champion."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlmodel import Session, col, func, select

from mvops.core.frozen import Frozen
from mvops.core.version import Draft, Version
from mvops.errors import RegistryError
from mvops.registry.database import Registry
from mvops.registry.engines import only_one
from mvops.registry.tables import ChampionRow, VersionRow
from mvops.registry.values import as_utc, plain_time, safe_text, to_json, utc_now

_ALL = "SELECT v.model, v.number, v.created, v.run, v.fingerprint, v.body FROM mvops_versions v"
_ADD = (
    "INSERT INTO mvops_versions (model, number, created, run, fingerprint, body)"
    " SELECT :model, coalesce(max(number), 0) + 1, :created, :run, :fingerprint, :body FROM mvops_versions"
    " WHERE model = :model RETURNING number"
)
_COLUMNS = {"model", "number", "created", "run", "fingerprint"}


class Listed(NamedTuple):
    """A version as a list has it: its columns, as the database gives them, and its document, unread."""

    model: str
    number: int
    registered: datetime | str
    run: str
    fingerprint: str
    body: str

    @property
    def created(self) -> datetime:
        """When it was registered, in UTC."""
        if isinstance(self.registered, str):  # SQLite has no times
            return datetime.fromisoformat(self.registered).replace(tzinfo=UTC)
        return as_utc(self.registered)

    def document(self) -> dict[str, Any]:
        """All that is not in columns, as it was written and unchecked: `reason`, `metrics`, `artifact`..."""
        found: dict[str, Any] = json.loads(self.body)
        return found

    def whole(self) -> Version:
        """The version, checked. Takes some twenty times as long as reading the row."""
        columns = {"model": self.model, "number": self.number, "created": self.created, "run": self.run}
        return Version.model_validate({**self.document(), **columns, "fingerprint": self.fingerprint})


class Reign(Frozen):
    """A version was champion from `since` to `until`; None while it is."""

    model: str
    number: int
    since: datetime
    until: datetime | None
    reason: str


def register(registry: Registry, draft: Draft) -> Version:
    """Give `draft` the model's next number and keep it for ever; a number that a Version brings is not looked at."""
    created = as_utc(draft.created)
    row = {name: safe_text(getattr(draft, name)) for name in ("model", "run", "fingerprint")} | {
        "created": plain_time(created, registry.dialect),
        "body": to_json(draft.model_dump(mode="json", exclude=_COLUMNS)),
    }
    ((number,),) = registry.carry_out(_ADD, row, alone=f"versions {draft.model}")
    return Version.model_construct(**{**dict(draft), "number": number, "created": created})


def versions(registry: Registry, model: str) -> list[Listed]:
    """All versions of a model, the oldest first."""
    return [Listed(*row) for row in registry.rows(f"{_ALL} WHERE v.model = :model ORDER BY v.number", model=model)]


def count_versions(registry: Registry, model: str) -> int:
    """How many versions a model has."""
    ((count,),) = registry.rows("SELECT count(*) FROM mvops_versions WHERE model = :model", model=model)
    return int(count)


def find_version(registry: Registry, model: str, number: int) -> Version | None:
    """One version."""
    found = registry.rows(f"{_ALL} WHERE v.model = :model AND v.number = :number", model=model, number=number)
    return next((Listed(*row).whole() for row in found), None)


def version_of_run(registry: Registry, model: str, run: str) -> Version | None:
    """The version that a run made last: what a resumed retraining asks before it registers again."""
    query = select(VersionRow).where(VersionRow.model == model, VersionRow.run == run)
    with registry.reading() as session:
        row = session.exec(query.order_by(col(VersionRow.number).desc()).limit(1)).first()
        return None if row is None else _version(row)


def champion(registry: Registry, model: str) -> Version | None:
    """The version that serves."""
    found = registry.rows(
        f"{_ALL} JOIN mvops_champions c ON c.model = v.model AND c.number = v.number"
        " WHERE c.model = :model ORDER BY c.id DESC LIMIT 1",
        model=model,
    )
    return next((Listed(*row).whole() for row in found), None)


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


def _version(row: VersionRow) -> Version:
    return Version.model_validate({**row.body, **row.model_dump(include=_COLUMNS)})
