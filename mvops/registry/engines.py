"""Engines that keep what they acknowledge, and errors that say what to do. SQLAlchemy only."""

from __future__ import annotations

import os
import re
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from mvops.atomic import sync_folder
from mvops.errors import MissingExtraError, RegistryError, Where
from mvops.registry.places import Place, check_absent, prepare_folder
from mvops.registry.troubles import BUSY_SECONDS, busy, of_sqlite
from mvops.registry.unwritten import check_unmoved, connect_unwritten

OURS = ("mvops_revision", "prediction_schema")  # the prediction log may share a database with the registry
_READ = "mvops_read"
_PG_SETTINGS = (
    "SELECT set_config('lock_timeout', '5s', false), set_config('statement_timeout', '60s', false),"
    " set_config('idle_in_transaction_session_timeout', '120s', false),"
    " CASE WHEN current_setting('synchronous_commit') = 'off'"
    " THEN set_config('synchronous_commit', 'on', false) END"
)


def make_engine(place: Place) -> Engine:
    """An engine whose commits are on the disk when they return. The caller disposes of it."""
    if place.file is None:
        return in_memory() if place.unwritten else _postgres(place)
    url = URL.create("sqlite", database=str(place.file))
    if place.unwritten:
        engine = create_engine(url, creator=partial(connect_unwritten, place.file, place))
        event.listen(engine, "connect", _open_plainly)
    else:
        engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})
        event.listen(engine, "connect", _open_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def in_memory() -> Engine:
    """An engine on an SQLite database that is gone with it."""
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    event.listen(engine, "connect", _open_plainly)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def reading(engine: Engine) -> Engine:
    """The same engine for transactions that only read: they wait for no writer, and a write in one is an error."""
    if engine.dialect.name == "sqlite":
        return engine.execution_options(**{_READ: True})
    return engine.execution_options(postgresql_readonly=True)


def _postgres(place: Place) -> Engine:
    timeouts = {"connect_timeout": 3, "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3}
    try:
        engine = create_engine(place.url, pool_pre_ping=True, connect_args={"application_name": "mvops", **timeouts})
    except ImportError as error:
        raise MissingExtraError("A database on PostgreSQL", "postgres") from error
    event.listen(engine, "do_connect", _connect_postgres)
    event.listen(engine, "connect", _open_postgres)
    return engine


def _connect_postgres(_dialect: Any, _record: Any, arguments: Any, options: Any) -> Any:
    from mvops.registry.silence import PatientConnection  # noqa: PLC0415  psycopg is an extra

    return PatientConnection.connect(*arguments, **options)


def _open_postgres(connection: Any, _record: Any) -> None:
    # Not as start-up options: connection poolers such as PgBouncer refuse those.
    connection.execute(_PG_SETTINGS)
    connection.commit()


def _open_plainly(connection: Any, _record: Any) -> None:
    connection.isolation_level = None


def _open_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # else the driver decides when a transaction begins
    connection.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000:.0f}")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal" and _may_change(connection):
        _switch_to_wal(connection)


def _may_change(connection: Any) -> bool:
    """Not a database of somebody else, which is refused later: the mode is kept in the file."""
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    return not names or not names.isdisjoint(OURS)


def _switch_to_wal(connection: Any) -> None:
    # Changing the mode does not wait for a lock as other statements do.
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    # A deferred transaction that turns out to write fails at once where another has written, whatever the
    # busy_timeout: so a transaction that may write takes the lock first, and one that reads cannot write.
    read = bool(connection.get_execution_options().get(_READ))
    connection.exec_driver_sql(f"PRAGMA query_only = {int(read)}")
    connection.exec_driver_sql("BEGIN" if read else "BEGIN IMMEDIATE")


def create_file(place: Place, build: Callable[[Connection], None]) -> None:
    """Make a new SQLite database that appears complete or not at all; one that another made meanwhile is kept."""
    assert place.file is not None
    prepare_folder(place.file)
    check_absent(place.file)
    draft = place.file.with_name(f".{place.file.name}.{secrets.token_hex(6)}")
    engine = make_engine(replace(place, file=draft))
    try:
        with translated(place), engine.begin() as connection:
            build(connection)
        engine.dispose()
        _publish(draft, place.file)
    except OSError as error:
        raise RegistryError(
            f"The database cannot be created: {error.strerror or error}", where=Where(place.file)
        ) from error
    finally:
        engine.dispose()
        for leftover in (draft, *(draft.with_name(draft.name + end) for end in ("-wal", "-shm", "-journal"))):
            leftover.unlink(missing_ok=True)


def _publish(draft: Path, file: Path) -> None:
    with suppress(FileExistsError):
        try:
            os.link(draft, file)  # unlike rename, never replaces what is there
        except FileExistsError:
            raise
        except OSError:  # a file system without links
            if not file.exists():
                draft.rename(file)
    sync_folder(file.parent)


def refuse_unsafe(connection: Connection, place: Place) -> None:
    """Refuse a PostgreSQL server that forgets what it acknowledged when the power goes."""
    if connection.dialect.name == "postgresql" and connection.scalar(text("SHOW fsync")) != "on":
        raise RegistryError(f"{place.shown} runs with fsync = off and may lose data.", hint="Set fsync = on there.")


def only_one(connection: Connection, what: str) -> None:
    """Until this transaction ends, no other may pass here with the same word. SQLite has but one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:what))"), {"what": f"mvops:{what}"})


@contextmanager
def translated(place: Place) -> Iterator[None]:
    """Turn the database's errors into ours."""
    try:
        yield
    except DBAPIError as error:
        check_unmoved(place)
        raise _translate(error, place) from error
    check_unmoved(place)


def _to_reach(reason: str) -> str:
    """What to do where PostgreSQL let nobody in, as it said why; a server may say so in another language."""
    lacking = re.search(r'database "(.+)" does not exist', reason)
    if lacking:
        return f"Make it: createdb {lacking[1]}, with the same host and user; or write the name of one that is there."
    if "authentication failed" in reason or re.search(r'role ".+" does not exist', reason):
        return "Are user and password right?"
    if "Connection refused" in reason or "timeout" in reason or "No such file" in reason:
        return "Is PostgreSQL running there, and are host and port right?"
    return "Is PostgreSQL running, is the database there, and are user and password right?"


def _translate(error: DBAPIError, place: Place) -> RegistryError:
    if place.file is not None:
        return of_sqlite(error.orig, place, place.file)
    state = getattr(error.orig, "sqlstate", None)
    if state == "55P03":
        return busy(place)
    reason = str(error.orig).strip().partition("\n")[0]
    if state is None:
        return RegistryError(f"{place.shown} cannot be reached: {reason}", hint=_to_reach(reason))
    return RegistryError(f"{place.shown} refused ({state}): {reason}")
