"""Tables of PostgreSQL that features come from: their columns, and a digest of their rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from mvops.backends.feature_stores._repository import resolved
from mvops.contracts.feature_stores import Catalog
from mvops.core.config.features import Source
from mvops.errors import BackendError, MissingExtraError

try:
    import psycopg
    from psycopg import sql
except ImportError as error:
    raise MissingExtraError("The offline store 'postgres'", "postgres") from error


def columns(catalog: Catalog, source: Source) -> dict[str, str]:
    """Column -> PostgreSQL's type, in their order; empty when there is no such table."""
    schema, _, table = str(source.table).rpartition(".")
    asked = "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = %s AND table_name = %s"
    with _connected(catalog) as connection:
        return dict(connection.execute(f"{asked} ORDER BY ordinal_position", [schema or "public", table]).fetchall())


def digest(catalog: Catalog, source: Source) -> str:
    """Of all rows, whatever their order; it reads the whole table, in the database."""
    table = sql.Identifier(*str(source.table).split("."))
    asked = sql.SQL("SELECT count(*), sum(hashtextextended(t::text, 0)::numeric) FROM {} AS t").format(table)
    with _connected(catalog) as connection:
        rows, total = connection.execute(asked).fetchone() or (0, 0)
    return f"{rows} rows, {total}"


@contextmanager
def _connected(catalog: Catalog) -> Iterator[Any]:
    offline = catalog.settings.offline
    password = resolved(f"${{{offline.password_env}}}") if offline.password_env else None
    try:
        with psycopg.connect(str(offline.url), password=password, connect_timeout=5) as connection:
            yield connection
    except psycopg.Error as error:
        place = urlsplit(str(offline.url)).netloc.rpartition("@")[2]
        said = (str(error).strip().splitlines() or [""])[0]
        raise BackendError(
            f"the offline store at {place} does not answer: {said}",
            hint="See that it runs, and that url and password_env are right.",
        ) from error
