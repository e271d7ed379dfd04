"""The registry's tables, as the newest migration leaves them. Small values in columns, documents as JSON text."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, MetaData, text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from mvops.registry.columns import JsonText, SafeText, UtcTime

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(SQLModel, registry=registry(metadata=MetaData(naming_convention=NAMING))):
    """Has metadata of its own, so that a user's SQLModel tables in the same process stay out of ours."""


class RegistryRow(Base, table=True):
    """One row: who this registry is. `serial` grows by one with each change of the records."""

    __tablename__ = "mvops_registry"
    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    lineage: str = Field(sa_type=SafeText)
    serial: int
    created: datetime = Field(sa_type=UtcTime)


class RecordRow(Base, table=True):
    """What mvops last made of one resource."""

    __tablename__ = "mvops_records"
    address: str = Field(primary_key=True, sa_type=SafeText)
    spec: dict[str, Any] = Field(sa_type=JsonText)
    outputs: dict[str, str] = Field(sa_type=JsonText)


class TextRow(Base, table=True):
    """The text of a generated file as it was written, by the digest that records name."""

    __tablename__ = "mvops_texts"
    sha256: str = Field(primary_key=True, sa_type=SafeText)
    text: str = Field(sa_type=SafeText)


class JournalRow(Base, table=True):
    """One action of an apply; `status` is started, finished or failed."""

    __tablename__ = "mvops_journal"
    __table_args__: ClassVar[Any] = (Index(None, "status"), {"sqlite_autoincrement": True})
    entry: int | None = Field(default=None, primary_key=True)
    plan_id: str = Field(sa_type=SafeText)
    action: dict[str, Any] = Field(sa_type=JsonText)
    status: str = Field(sa_type=SafeText)
    started: datetime = Field(sa_type=UtcTime)
    ended: datetime | None = Field(default=None, sa_type=UtcTime)
    outputs: dict[str, str] | None = Field(default=None, sa_type=JsonText)
    error: str | None = Field(default=None, sa_type=SafeText)


class LockRow(Base, table=True):
    """At most one row. `lease_clock` is the end of the lease on the monotonic clock of the holder's boot."""

    __tablename__ = "mvops_lock"
    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    token: str = Field(sa_type=SafeText)
    username: str = Field(sa_type=SafeText)
    host: str = Field(sa_type=SafeText)
    machine: str = Field(sa_type=SafeText)
    boot: str = Field(sa_type=SafeText)
    pid_namespace: str = Field(sa_type=SafeText)
    pid: int
    process_start: str = Field(sa_type=SafeText)
    command: str = Field(sa_type=SafeText)
    since: datetime = Field(sa_type=UtcTime)
    lease_until: datetime = Field(sa_type=UtcTime)
    lease_clock: float


class RunRow(Base, table=True):
    """One execution of a pipeline; `body` has its parameters, steps, reason and error."""

    __tablename__ = "mvops_runs"
    __table_args__: ClassVar[Any] = (Index(None, "model", "id"),)
    id: str = Field(primary_key=True, sa_type=SafeText)
    model: str = Field(sa_type=SafeText)
    status: str = Field(sa_type=SafeText)
    started: datetime = Field(sa_type=UtcTime)
    finished: datetime | None = Field(default=None, sa_type=UtcTime)
    body: dict[str, Any] = Field(sa_type=JsonText)


class VersionRow(Base, table=True):
    """A registered version; `body` has everything that is not looked up by."""

    __tablename__ = "mvops_versions"
    __table_args__: ClassVar[Any] = (Index(None, "model", "run"), Index(None, "model", "fingerprint"))
    model: str = Field(primary_key=True, sa_type=SafeText)
    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    created: datetime = Field(sa_type=UtcTime)
    run: str = Field(sa_type=SafeText)
    fingerprint: str = Field(sa_type=SafeText)
    body: dict[str, Any] = Field(sa_type=JsonText)


class ChampionRow(Base, table=True):
    """A version became champion; the last row of a model is the champion now."""

    __tablename__ = "mvops_champions"
    __table_args__: ClassVar[Any] = (
        ForeignKeyConstraint(["model", "number"], ["mvops_versions.model", "mvops_versions.number"]),
        Index(None, "model", "id"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = Field(default=None, primary_key=True)
    model: str = Field(sa_type=SafeText)
    number: int
    since: datetime = Field(sa_type=UtcTime)
    reason: str = Field(sa_type=SafeText)


class RolloutRow(Base, table=True):
    """A challenger on its way to the traffic; at most one runs for a model."""

    __tablename__ = "mvops_rollouts"
    __table_args__: ClassVar[Any] = (
        ForeignKeyConstraint(["model", "champion"], ["mvops_versions.model", "mvops_versions.number"]),
        ForeignKeyConstraint(["model", "challenger"], ["mvops_versions.model", "mvops_versions.number"]),
        Index(
            "uq_mvops_rollouts_running",
            "model",
            unique=True,
            sqlite_where=text("status = 'running'"),
            postgresql_where=text("status = 'running'"),
        ),
        Index(None, "model", "id"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = Field(default=None, primary_key=True)
    model: str = Field(sa_type=SafeText)
    champion: int
    challenger: int
    shares: list[int] = Field(sa_type=JsonText)
    step: int
    status: str = Field(sa_type=SafeText)
    reason: str = Field(sa_type=SafeText)
    started: datetime = Field(sa_type=UtcTime)
    step_started: datetime = Field(sa_type=UtcTime)
    finished: datetime | None = Field(default=None, sa_type=UtcTime)


class AlertRow(Base, table=True):
    """An alert; at most one with a key is open for a model."""

    __tablename__ = "mvops_alerts"
    __table_args__: ClassVar[Any] = (
        Index(
            "uq_mvops_alerts_open",
            "model",
            "key",
            unique=True,
            sqlite_where=text("status = 'open'"),
            postgresql_where=text("status = 'open'"),
        ),
        Index(None, "model", "id"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = Field(default=None, primary_key=True)
    model: str = Field(sa_type=SafeText)
    version: int
    kind: str = Field(sa_type=SafeText)
    key: str = Field(sa_type=SafeText)
    status: str = Field(sa_type=SafeText)
    severity: str = Field(sa_type=SafeText)
    opened: datetime = Field(sa_type=UtcTime)
    last_seen: datetime = Field(sa_type=UtcTime)
    windows: int
    reason: str = Field(sa_type=SafeText)
    resolved: datetime | None = Field(default=None, sa_type=UtcTime)


class SummaryRow(Base, table=True):
    """Mergeable statistics of one version and arm in the time bucket that begins at `start`."""

    __tablename__ = "mvops_summaries"
    __table_args__: ClassVar[Any] = (Index(None, "model", "start"),)
    model: str = Field(primary_key=True, sa_type=SafeText)
    version: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    arm: str = Field(primary_key=True, sa_type=SafeText)
    start: datetime = Field(primary_key=True, sa_type=UtcTime)
    document: str = Field(sa_type=SafeText)


class CursorRow(Base, table=True):
    """How far the prediction log has been summarised, and its windows judged."""

    __tablename__ = "mvops_cursors"
    model: str = Field(primary_key=True, sa_type=SafeText)
    predictions: int = Field(sa_type=BigInteger)
    outcomes: int = Field(sa_type=BigInteger)
    judged: datetime | None = Field(default=None, sa_type=UtcTime)


class EventRow(Base, table=True):
    """One line of the audit log; never changed."""

    __tablename__ = "mvops_events"
    __table_args__: ClassVar[Any] = (Index(None, "subject", "id"), {"sqlite_autoincrement": True})
    id: int | None = Field(default=None, primary_key=True)
    time: datetime = Field(sa_type=UtcTime)
    actor: str = Field(sa_type=SafeText)
    kind: str = Field(sa_type=SafeText)
    subject: str = Field(sa_type=SafeText)
    message: str = Field(sa_type=SafeText)
    details: dict[str, Any] = Field(sa_type=JsonText)
