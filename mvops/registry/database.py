"""The registry's database: opened, and its transactions.

SQLAlchemy and SQLModel are imported by the first transaction: what every plan asks is plain SQL, see `Registry.rows`,
and so is what a run says of itself: `Registry.carry_out`.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from mvops.errors import ConflictError
from mvops.registry.copies import copies_of, keep_last_good
from mvops.registry.light import LightConnection, open_lightly
from mvops.registry.marker import check_mark, check_there, mark, marked
from mvops.registry.places import Place, check_absent, check_file, locate
from mvops.registry.unwritten import approach, require_writable
from mvops.witness import is_noting, matching, note, spoil

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlmodel import Session

REVISIONS = ("0001", "0002")  # every schema there has been, the newest last
CHANGED = "records changed"  # in a session's `info`, until it is committed


class Registry:
    """An open registry. `lineage` names it for ever; `url` is for people and hides the password.

    Close it, or use it as a context manager.
    """

    def __init__(
        self, place: Place, lineage: str, *, engine: Engine | None = None, light: LightConnection | None = None
    ) -> None:
        self.url = place.shown
        self.lineage = lineage
        self._place = place
        self._engine = engine
        self._light = light
        self._making = threading.Lock()
        self._open = threading.local()

    @property
    def engine(self) -> Engine:
        """SQLAlchemy's, made when it is first asked for."""
        from mvops.registry.engines import make_engine  # noqa: PLC0415 -- SQLAlchemy, see above

        with self._making:
            if self._engine is None:
                self._engine = make_engine(self._place)
            return self._engine

    @contextmanager
    def session(self) -> Iterator[Session]:
        """One transaction: committed at the end, rolled back on an error; on SQLite it holds the write lock.

        Inside another one of the same thread it becomes part of that: all is committed together, or nothing.
        Raises LockedError if another process kept writing for 5 seconds, RegistryError for other troubles.
        """
        require_writable(self._place)
        spoil("the registry was asked")
        outer: Session | None = getattr(self._open, "session", None)
        if outer is not None:
            with outer.begin_nested():
                yield outer
            return
        from sqlmodel import Session, select  # noqa: PLC0415 -- see above

        from mvops.registry.engines import translated  # noqa: PLC0415 -- see above
        from mvops.registry.tables import RegistryRow  # noqa: PLC0415 -- see above

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
        spoil("the registry was asked")
        outer: Session | None = getattr(self._open, "session", None)
        if outer is not None:
            yield outer
            return
        from sqlmodel import Session  # noqa: PLC0415 -- see above

        from mvops.registry.engines import reading, translated  # noqa: PLC0415 -- see above

        reader = reading(self.engine)
        with translated(self._place), Session(reader, expire_on_commit=False) as session, session.begin():
            yield session

    def rows(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        """What a query finds that is plain SQL for both databases, with a value for each `:name`; as `reading()`."""
        if self._light is not None and getattr(self._open, "session", None) is None:
            found = self._light.rows(query, values)
            if is_noting():
                note("rows", json.dumps([query, values], sort_keys=True), digest_of(found))
            return found
        from sqlalchemy import text  # noqa: PLC0415 -- see above

        with self.reading() as session:
            session.flush()
            return [tuple(row) for row in session.connection().execute(text(query), values)]

    def carry_out(
        self, statement: str, values: Mapping[str, Any], *, alone: str | None = None
    ) -> list[tuple[Any, ...]]:
        """A transaction of one statement that is plain SQL for both databases, with a value for each `:name`.

        As `session()`, for what is no record: see `SqlState`. Returns what the statement returns. No other with the
        same word in `alone` is at it meanwhile.
        """
        if self._light is not None and getattr(self._open, "session", None) is None:
            return self._light.carry_out(statement, values)
        from sqlalchemy import text  # noqa: PLC0415 -- see above

        from mvops.registry.engines import only_one  # noqa: PLC0415 -- see above

        with self.session() as session:
            connection = session.connection()
            if alone is not None:
                only_one(connection, alone)
            found = connection.execute(text(statement), values)
            return [tuple(row) for row in found] if found.returns_rows else []

    def copies(self) -> list[Path]:
        """Of an SQLite registry, all copies that lie beside it."""
        return matching(self._place.file.parent, copies_of(self._place.file)) if self._place.file is not None else []

    def keep_copy(self) -> Path | None:
        """Keep a copy of an SQLite registry as the last good one; raises RegistryError.

        Returns where the copy of another registry, which was here before, is now.
        """
        return keep_last_good(self._place.file, self.lineage) if self._place.file is not None else None

    @property
    def unwritten(self) -> bool:
        """Can it only be read here."""
        return self._place.unwritten

    @property
    def dialect(self) -> str:
        """Either sqlite or postgresql."""
        if self._place.file is not None:
            return "sqlite"
        return self.engine.dialect.name

    def close(self) -> None:
        """Give all connections back."""
        if self._light is not None:
            self._light.close()
        if self._engine is not None:
            self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def digest_of(rows: list[tuple[Any, ...]]) -> str:
    """Names what a query found."""
    return hashlib.sha256(repr(rows).encode("utf-8", "surrogatepass")).hexdigest()


def open_registry(url: str, root: Path, *, create: bool = True, environment: str | None = None) -> Registry:
    """Open the registry at `url`; make it if it is missing, migrate it if it is older than this mvops.

    A registry belongs to the environment that made it, or to the project itself: another one's is a ConflictError.

    A relative SQLite path starts at `root`. With `create=False` a missing registry is a RegistryError. So is a file
    that is damaged or something else, and a schema that a newer mvops made; none of these is touched.
    """
    place = locate(url, root)
    noted = None
    if place.file is not None:
        _open_file(place, place.file, create=create, environment=environment)
        noted = marked(place.file)
        place = approach(place)
    registry, serial = _opened(place, create=create, environment=environment)
    try:
        if place.file is not None:
            check_mark(place.file, noted, registry.lineage, serial)
        _check_owner(place, registry.lineage, environment)
    except BaseException:
        registry.close()
        raise
    return registry


def _opened(place: Place, *, create: bool, environment: str | None) -> tuple[Registry, int]:
    """With its serial."""
    lightly = open_lightly(place, REVISIONS[-1])
    if lightly is not None:
        light, lineage, serial = lightly
        return Registry(place, lineage, light=light), serial
    from mvops.registry.preparing import prepare  # noqa: PLC0415 -- SQLAlchemy, see above

    engine, lineage, serial = prepare(place, REVISIONS, create=create, environment=environment)
    return Registry(place, lineage, engine=engine), serial


def _open_file(place: Place, file: Path, *, create: bool, environment: str | None) -> None:
    if not file.exists():
        check_absent(file)
        check_there(file)
        from mvops.registry.preparing import make_file, missing  # noqa: PLC0415 -- SQLAlchemy, see above

        if not create:
            raise missing(place)
        if approach(place).unwritten:
            return
        make_file(place, environment)
    check_file(file)


def _check_owner(place: Place, lineage: str, environment: str | None) -> None:
    made_by = lineage.partition("@")[2] or None
    if made_by != environment:
        owner = f"of the environment {made_by!r}" if made_by else "of the project without an environment"
        hint = f"Work there with: --env {made_by}" if made_by else "Work there without --env."
        raise ConflictError(f"{place.shown} is the registry {owner}", hint=f"{hint} Or name another place: registry.")
