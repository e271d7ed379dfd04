"""Making a registry, and bringing it to the newest schema."""

from __future__ import annotations

from functools import partial

from sqlalchemy import Connection, Engine, inspect, text
from sqlmodel import Session, select

from mvops.errors import RegistryError
from mvops.registry.copies import keep_before_migration
from mvops.registry.engines import OURS, create_file, make_engine, reading, refuse_unsafe, translated
from mvops.registry.places import Place, damaged
from mvops.registry.tables import RegistryRow


def make_file(place: Place, environment: str | None) -> None:
    """A new registry in an SQLite file."""
    create_file(place, partial(_migrate, environment=environment))


def prepare(
    place: Place, revisions: tuple[str, ...], *, create: bool, environment: str | None
) -> tuple[Engine, str, int]:
    """An engine for a registry that is up to date, its lineage and serial; raises as `open_registry`."""
    engine = make_engine(place)
    try:
        with translated(place):
            _bring_up_to_date(place, engine, revisions, create=create, environment=environment)
            return engine, *_identity(place, engine)
    except BaseException:
        engine.dispose()
        raise


def missing(place: Place) -> RegistryError:
    """The error for a registry that is not there."""
    return RegistryError(f"There is no registry yet at {place.shown}.", hint="Create it: mvops apply")


def _bring_up_to_date(
    place: Place, engine: Engine, revisions: tuple[str, ...], *, create: bool, environment: str | None
) -> None:
    newest = revisions[-1]
    with reading(engine).connect() as connection:
        refuse_unsafe(connection, place)
        tables = set(inspect(connection).get_table_names())
        revision = connection.scalar(text("SELECT version_num FROM mvops_revision")) if OURS[0] in tables else None
    if revision is None and place.file is not None and not tables & set(OURS):
        raise damaged(place.file, "The file is an SQLite database, but not one of mvops.")
    if revision is None and not create:
        raise missing(place)
    if revision is not None and revision not in revisions:
        raise RegistryError(
            f"A newer mvops made the registry {place.shown} (schema {revision}; this one knows {newest}).",
            hint="Upgrade: pip install --upgrade mvops",
        )
    if revision is not None and revision != newest and place.unwritten:
        raise RegistryError(
            f"An older mvops made the registry {place.shown} (schema {revision}), and here it can only be read.",
            hint="Type a command such as `mvops status` once as somebody who may write there.",
        )
    if revision != newest:
        with engine.begin() as connection:  # all of a migration or nothing, on both databases
            _copy_first(connection, place, newest)
            _migrate(connection, environment=environment)


def _copy_first(connection: Connection, place: Place, newest: str) -> None:
    """Keep a copy of an SQLite registry, unless another process has migrated it meanwhile."""
    if place.file is None or not inspect(connection).has_table(OURS[0]):
        return
    revision = connection.scalar(text("SELECT version_num FROM mvops_revision"))
    if revision is not None and revision != newest:
        keep_before_migration(place.file, revision)


def _identity(place: Place, engine: Engine) -> tuple[str, int]:
    with Session(reading(engine)) as session:
        row = session.exec(select(RegistryRow)).first()
    if row is None:
        raise _damaged(place, "The registry has lost the row that says which one it is.")
    return row.lineage, row.serial


def _migrate(connection: Connection, *, environment: str | None) -> None:
    from mvops.registry.migrating import migrate  # noqa: PLC0415  Alembic is slow to import and rarely needed

    migrate(connection, environment)


def _damaged(place: Place, message: str) -> RegistryError:
    return damaged(place.file, message) if place.file is not None else RegistryError(f"{place.shown}: {message}")
