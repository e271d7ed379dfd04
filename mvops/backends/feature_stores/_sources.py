"""Where features come from, looked at without Feast: are the columns there, and have the values changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from mvops.contracts.feature_stores import Catalog, Flaw
from mvops.core.canonical import digest as digest_of
from mvops.core.config.features import FeatureView
from mvops.errors import DataError, MissingExtraError
from mvops.notebook.digests import input_digest, input_files

try:
    import pyarrow as pa
    import pyarrow.parquet as pq
except ImportError as error:
    raise MissingExtraError("The feature store 'feast'", "feast") from error

_FITS: dict[str, Callable[[Any], bool]] = {
    "string": lambda t: pa.types.is_string(t) or pa.types.is_large_string(t) or pa.types.is_dictionary(t),
    "int64": pa.types.is_integer,
    "int32": pa.types.is_integer,
    "float64": lambda t: pa.types.is_floating(t) or pa.types.is_integer(t),
    "float32": lambda t: pa.types.is_floating(t) or pa.types.is_integer(t),
    "bool": pa.types.is_boolean,
    "timestamp": pa.types.is_timestamp,
}


_POSTGRES = {
    "text": pa.string(),
    "character varying": pa.string(),
    "smallint": pa.int16(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "real": pa.float32(),
    "double precision": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp with time zone": pa.timestamp("us", "UTC"),
    "timestamp without time zone": pa.timestamp("us"),
}


def check(root: Path, catalog: Catalog, view: str) -> list[Flaw]:
    """Every column that is missing or of another type."""
    spec = catalog.views[view]
    schema = _parquet_schema(root, spec) if spec.source.table is None else _table_schema(catalog, spec)
    return list(_flaws(spec, schema))


def digest(root: Path, catalog: Catalog, view: str, cache: Path) -> str:
    """Changes when the source's values do."""
    spec = catalog.views[view]
    if spec.source.path is None:
        return digest_of([_tables().digest(catalog, spec.source), spec.source.timestamp])
    return digest_of([input_digest(root, spec.source.path, cache), spec.source.timestamp])


def _tables() -> ModuleType:
    from mvops.backends.feature_stores import _tables as tables  # noqa: PLC0415 -- needs the extra `postgres`

    return tables


def _table_schema(catalog: Catalog, spec: FeatureView) -> dict[str, Any] | None:
    found: dict[str, str] = _tables().columns(catalog, spec.source)
    return {name: _POSTGRES.get(kind, pa.null()) for name, kind in found.items()} or None


def _parquet_schema(root: Path, spec: FeatureView) -> dict[str, Any] | None:
    assert spec.source.path is not None
    files = input_files(root, spec.source.path)
    if not files:
        return None
    try:
        schema = pq.read_schema(files[-1])  # the newest, where the name says the month
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{files[-1]} cannot be read as Parquet: {error}") from error
    return dict(zip(schema.names, schema.types, strict=True))


def _flaws(spec: FeatureView, schema: dict[str, Any] | None) -> Iterator[Flaw]:
    place = spec.source.path or spec.source.table
    if schema is None:
        yield Flaw(section="source", word=str(place), message=f"there is no data at {place}")
        return
    times = {spec.source.timestamp: "timestamp"} | ({spec.source.created: "timestamp"} if spec.source.created else {})
    for section, columns in (("source", times), ("entities", spec.entities), ("fields", spec.fields)):
        for column, kind in columns.items():
            if column not in schema:
                what = "event-time column" if column == spec.source.timestamp else "column"
                message = f"{place} has no {what} {column!r}"
                yield Flaw(section=section, word=column, message=message, known=tuple(schema))
            elif not _FITS[kind](schema[column]):
                message = f"the column {column!r} of {place} is {schema[column]}, not {kind}"
                yield Flaw(section=section, word=column, message=message)
