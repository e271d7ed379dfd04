"""The registry's database: opened, checked, migrated; and its transactions."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, Engine, inspect, text
from sqlmodel import Session, select

from mvops.errors import ConflictError, RegistryError
from mvops.registry.copies import keep_before_migration, keep_last_good
from mvops.registry.engines import OURS, create_file, make_engine, reading, refuse_unsafe, translated
from mvops.registry.marker import check_mark, check_there, mark, marked
from mvops.registry.places import Place, check_absent, check_file, damaged, locate
from mvops.registry.tables import RegistryRow

REVISIONS = ("0001", "0002")  # every schema there has been, the newest last
CHANGED = "records changed"  # in a session's `info`, until it is committed


class Registry:
    """An open registry. `lineage` names it for ever; `url` is for people and hides the password.

    Close it, or use it as a context manager.
    """

    def __init__(self, place: Place, engine: Engine, lineage: str) -> None:
        self.engine = engine
        self.url = place.shown
        self.lineage = lineage
        self._place = place
        self._reader = reading(engine)
        self._open = threading.local()

    @contextmanager
    def session(self) -> Iterator[Session]:
        """One transaction: committed at the end, rolled back on an error; on SQLite it holds the write lock.

        Inside another one of the same thread it becomes part of that: all is committed together, or nothing.
        Raises LockedError if another process kept writing for 5 seconds, RegistryError for other troubles.
        """
        outer: Session | None = getattr(self._open, "session", None)
        if outer is not None:
            with outer.begin_nested():
                yield outer
            return
        serial = None
        with translated(self._place), Session(self.engine, expire_on_commit=False) as session, session.begin():
            self._open.session = session
            try:
                yield session
                if session.info.get(CHANGED):
                    serial = session.exec(select(RegistryRow.serial)).one()
            finally:
                self._open.session = None
        if serial is not None and self._place.file is not None:
            mark(self._place.file, self.lineage, serial)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """One transaction that only reads, and waits for no writer; inside `session()` it sees that one's changes."""
        outer: Session | None = getattr(self._open, "session", None)
        if outer is not None:
            yield outer
            return
        with translated(self._place), Session(self._reader, expire_on_commit=False) as session, session.begin():
            yield session

    def keep_copy(self) -> None:
        """Keep a copy of an SQLite registry as the last good one; raises RegistryError."""
        if self._place.file is not None:
            keep_last_good(self._place.file)

    @property
    def dialect(self) -> str:
        """Either sqlite or postgresql."""
        return self.engine.dialect.name

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_registry(url: str, root: Path, *, create: bool = True, environment: str | None = None) -> Registry:
    """Open the registry at `url`; make it if it is missing, migrate it if it is older than this mvops.

    A registry belongs to the environment that made it, or to the project itself: another one's is a ConflictError.

    A relative SQLite path starts at `root`. With `create=False` a missing registry is a RegistryError. So is a file
    that is damaged or something else, and a schema that a newer mvops made; none of these is touched.
    """
    place = locate(url, root)
    noted = None
    if place.file is not None:
        _open_file(place, create=create, environment=environment)
        noted = marked(place.file)
    engine = make_engine(place)
    try:
        with translated(place):
            _bring_up_to_date(place, engine, create=create, environment=environment)
            lineage, serial = _lineage(place, engine)
            if place.file is not None:
                check_mark(place.file, noted, lineage, serial)
            _check_owner(place, lineage, environment)
            return Registry(place, engine, lineage)
    except BaseException:
        engine.dispose()
        raise


def _open_file(place: Place, *, create: bool, environment: str | None) -> None:
    assert place.file is not None
    if not place.file.exists():
        check_absent(place.file)
        check_there(place.file)
        if not create:
            raise _missing(place)
        create_file(place, partial(_migrate, environment=environment))
    check_file(place.file)


def _bring_up_to_date(place: Place, engine: Engine, *, create: bool, environment: str | None) -> None:
    with reading(engine).connect() as connection:
        refuse_unsafe(connection, place)
        tables = set(inspect(connection).get_table_names())
        revision = connection.scalar(text("SELECT version_num FROM mvops_revision")) if OURS[0] in tables else None
    if revision is None and place.file is not None and not tables & set(OURS):
        raise damaged(place.file, "The file is an SQLite database, but not one of mvops.")
    if revision is None and not create:
        raise _missing(place)
    if revision is not None and revision not in REVISIONS:
        raise RegistryError(
            f"A newer mvops made the registry {place.shown} (schema {revision}; this one knows {REVISIONS[-1]}).",
            hint="Upgrade: pip install --upgrade mvops",
        )
    if revision != REVISIONS[-1]:
        with engine.begin() as connection:  # all of a migration or nothing, on both databases
            _copy_first(connection, place)
            _migrate(connection, environment=environment)


def _copy_first(connection: Connection, place: Place) -> None:
    """Keep a copy of an SQLite registry, unless another process has migrated it meanwhile."""
    if place.file is None or not inspect(connection).has_table(OURS[0]):
        return
    revision = connection.scalar(text("SELECT version_num FROM mvops_revision"))
    if revision is not None and revision != REVISIONS[-1]:
        keep_before_migration(place.file, revision)


def _lineage(place: Place, engine: Engine) -> tuple[str, int]:
    with Session(reading(engine)) as session:
        row = session.exec(select(RegistryRow)).first()
    if row is None:
        raise _damaged(place, "The registry has lost the row that says which one it is.")
    return row.lineage, row.serial


def _check_owner(place: Place, lineage: str, environment: str | None) -> None:
    made_by = lineage.partition("@")[2] or None
    if made_by != environment:
        owner = f"of the environment {made_by!r}" if made_by else "of the project without an environment"
        hint = f"Work there with: --env {made_by}" if made_by else "Work there without --env."
        raise ConflictError(f"{place.shown} is the registry {owner}", hint=f"{hint} Or name another place: registry.")


def _migrate(connection: Connection, *, environment: str | None) -> None:
    from mvops.registry.migrating import migrate  # noqa: PLC0415  Alembic is slow to import and rarely needed

    migrate(connection, environment)


def _missing(place: Place) -> RegistryError:
    return RegistryError(f"There is no registry yet at {place.shown}.", hint="Create it: mvops apply")


def _damaged(place: Place, message: str) -> RegistryError:
    return damaged(place.file, message) if place.file is not None else RegistryError(f"{place.shown}: {message}")
