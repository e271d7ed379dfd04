"""What a user writes in `configs/features/<name>.yaml`, under `feature_store` and under a pipeline's `features`."""

from __future__ import annotations

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, field_validator, model_validator

from mvops.core.config.backend import Family
from mvops.core.durations import Period
from mvops.core.frozen import Flag, Frozen
from mvops.core.lookup import EntityType
from mvops.core.naming import Name

FeatureType = Literal["string", "int64", "int32", "float64", "float32", "bool", "timestamp"]

_COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_TABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}(\.[A-Za-z_][A-Za-z0-9_]{0,62})?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_SCHEMES = {"postgres": {"postgresql"}, "redis": {"redis", "rediss"}, "file": set(), "sqlite": set()}


def check_column(name: str) -> str:
    """Return the name of a column that can stand in generated code and SQL; raise ValueError for any other."""
    if not _COLUMN.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of a column: letters, digits and _, not beginning with a digit")
    return name


def _check_table(name: str) -> str:
    if not _TABLE.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of a table: write NAME or SCHEMA.NAME")
    return name


def _check_variable(name: str) -> str:
    if not _VARIABLE.fullmatch(name):
        raise ValueError("name the environment variable that holds the password: the password itself stays out of YAML")
    return name


Column = Annotated[str, AfterValidator(check_column)]


class Source(Frozen):
    """Where a view's values are: `path`, a Parquet file, a folder of them or a glob, or `table`, one of PostgreSQL.

    `timestamp` is the column that says since when a row's values are known; of several rows with the same time, the
    one with the latest `created` counts.
    """

    path: str | None = None
    table: Annotated[str, AfterValidator(_check_table)] | None = None
    timestamp: Column
    created: Column | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Source:
        if (self.path is None) == (self.table is None):
            raise ValueError("a source is either a path (Parquet) or a table (PostgreSQL)")
        return self


class FeatureView(Frozen):
    """Features of one or more entities, by time.

    `entities` and `fields` map a column to its type. A value older than `ttl` counts as missing; without one, the
    latest counts for ever. `online` views are looked up by endpoints.
    """

    description: str = ""
    owner: str = ""
    entities: dict[Column, EntityType] = Field(min_length=1)
    source: Source
    fields: dict[Column, FeatureType] = Field(min_length=1)
    ttl: Period | None = None
    online: Flag = True

    @model_validator(mode="after")
    def _each_column_once(self) -> FeatureView:
        for name in self.fields:
            if name in self.entities or name in {self.source.timestamp, self.source.created}:
                raise ValueError(f"the column {name!r} cannot be a field: it is an entity or a time already")
        return self


class _Store(Frozen):
    """A store and where it is; `password_env` names the environment variable that holds its password."""

    store: str
    url: str | None = None
    password_env: Annotated[str, AfterValidator(_check_variable)] | None = None

    @field_validator("url")
    @classmethod
    def _no_password(cls, url: str | None) -> str | None:
        if url is not None and urlsplit(url).password is not None:
            raise ValueError("a password has no place here: name the environment variable that holds it (password_env)")
        return url

    @model_validator(mode="after")
    def _has_address(self) -> _Store:
        schemes = _SCHEMES[self.store]
        if not schemes and self.url is not None:
            raise ValueError(f"the store {self.store!r} is a file of the project: it has no url")
        if schemes and (self.url is None or urlsplit(self.url).scheme not in schemes):
            raise ValueError(f"the store {self.store!r} needs a url that begins with {min(schemes)}://")
        return self


class OfflineStore(_Store):
    """Where features are joined to the rows of a training: Parquet files, or a PostgreSQL database.

    `url`: postgresql://user@host:5432/database, with `?sslmode=require` and the like. `password_env` names the
    environment variable that holds its password.
    """

    store: Literal["file", "postgres"] = "file"


class OnlineStore(_Store):
    """Where endpoints look features up: a SQLite file of the project, or a Redis server.

    `url`: redis://host:6379/0, or rediss:// for TLS. `password_env` names the environment variable that holds its
    password.
    """

    store: Literal["sqlite", "redis"] = "sqlite"


class FeatureStore(Frozen):
    """The feature store that the project's views are kept in, and how often online values are brought up to date."""

    backend: Annotated[Name, Family("feature_stores")] = "feast"
    offline: OfflineStore = OfflineStore()
    online: OnlineStore = OnlineStore()
    every: Period = Field(default="1h", validate_default=True)


class PipelineFeatures(Frozen):
    """What mvops joins before the notebook runs.

    `rows` (a Parquet or CSV file, a folder or a glob) has one line for each thing to learn from, with the entities of
    all views and a `timestamp`. Each line gets the `fields` (view -> fields) as they were known at its time. The
    notebook reads the result from the Parquet file that `parameter` names. `missing` is what the endpoint does with a
    row that the store has no values for, or only ones older than the view's `ttl`: refuse it, or take null.
    """

    parameter: str
    rows: str
    timestamp: Column
    fields: dict[Name, tuple[Column, ...]] = Field(min_length=1)
    missing: Literal["refuse", "null"] = "refuse"
