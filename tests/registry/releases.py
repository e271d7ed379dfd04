"""Registries as former versions of mvops left them: each schema with rows that were really in one."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from alembic import command
from sqlalchemy import Connection, DateTime, Engine, MetaData, inspect, select, text

from mvops.core.alert import Alert
from mvops.core.rollout import RolloutState
from mvops.core.run import Run
from mvops.core.state import Record
from mvops.core.version import Draft
from mvops.registry import rollouts
from mvops.registry.alerts import open_alert
from mvops.registry.database import Registry
from mvops.registry.events import record_event
from mvops.registry.journal import SqlJournal
from mvops.registry.lock import hold_lock
from mvops.registry.migrating import alembic_config
from mvops.registry.runs import save_run
from mvops.registry.summaries import Cursor, save_judged, save_summaries
from mvops.registry.texts import keep_texts
from mvops.registry.versions import register, set_champion

FOLDER = Path(__file__).with_name("released")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
Rows = dict[str, list[dict[str, Any]]]


def released(revision: str) -> Rows:
    """The rows that a registry of this schema had."""
    rows: Rows = json.loads((FOLDER / f"{revision}.json").read_text())
    return rows


def install(engine: Engine, revision: str) -> None:
    """Make the database one of this schema, with its rows."""
    with engine.begin() as connection:
        command.upgrade(alembic_config(connection), revision)
        known = MetaData()
        known.reflect(connection)
        for name, rows in released(revision).items():
            table = known.tables[name]
            times = [column.name for column in table.columns if isinstance(column.type, DateTime)]
            for row in rows:
                given = {key: datetime.fromisoformat(row[key]) for key in times if row[key]}
                connection.execute(table.insert().values(**row | given))
            if connection.dialect.name == "postgresql":
                _count_on(connection, name)


def _count_on(connection: Connection, table: str) -> None:
    """A row with a given number does not move PostgreSQL's counter."""
    for column in inspect(connection).get_columns(table):
        if column.get("autoincrement") and "nextval" in str(column.get("default")):
            key = column["name"]
            connection.execute(
                text(f"SELECT setval(pg_get_serial_sequence('{table}', '{key}'), max({key})) FROM {table}")
            )


def rows(engine: Engine) -> Rows:
    """All rows of our tables, as JSON has them."""
    with engine.connect() as connection:
        known = MetaData()
        known.reflect(connection)
        return {
            table.name: [
                {key: _plain(value) for key, value in row._mapping.items()}
                for row in connection.execute(select(table).order_by(*table.primary_key.columns))
            ]
            for table in known.sorted_tables
            if table.name.startswith("mvops_") and table.name != "mvops_revision"
        }


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):  # SQLite keeps UTC bare
        return value.replace(tzinfo=UTC).isoformat() if value.tzinfo is None else value.astimezone(UTC).isoformat()
    return value


def fill(registry: Registry, make_draft: Callable[..., Draft]) -> None:
    """Something in every table, put there by what puts it there for users."""
    with hold_lock(registry, "apply") as hold:
        journal = SqlJournal(registry, hold)
        record = Record(address="model.delays", spec={"every": "1d"}, outputs={"version": "1"})
        journal.finished(journal.started("p1", {"address": "model.delays"}), {"version": "1"}, record=record)
        journal.failed(journal.started("p1", {"address": "endpoint.delays"}), "no port")
        journal.started("p2", {"address": "monitor.delays"})
    keep_texts(registry, ["generated\n"])
    for _ in range(2):
        register(registry, make_draft())
    set_champion(registry, "delays", 1, "first")
    moment = {"started": NOON, "step_started": NOON}
    versions = {"champion": 1, "challenger": 2, "shares": (5, 100), "step": 0}
    rollouts.start(
        registry, RolloutState(id=0, model="delays", status="running", reason="gate passed", **versions, **moment)
    )
    run = {"id": "run-1", "model": "delays", "reason": "first", "status": "succeeded", "parameters": {"n": 200}}
    save_run(registry, Run(started=NOON, finished=NOON, **run))
    alert = {"model": "delays", "version": 1, "kind": "drift", "key": "age", "status": "open", "severity": "warning"}
    open_alert(registry, Alert(id=0, opened=NOON, last_seen=NOON, windows=1, reason="shifted", **alert))
    end = NOON + timedelta(days=1)
    read = Cursor(predictions=3, outcomes=1)
    save_summaries(registry, "delays", [(1, "champion", NOON, "{}")], before=Cursor(), after=read)
    save_judged(registry, "delays", end)
    record_event(registry, "apply", "delays", "applied plan p1", {"command": "apply"})
