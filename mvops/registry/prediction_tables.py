"""The prediction log's tables and the way a row becomes a Prediction. SQLAlchemy Core only."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    MetaData,
    Row,
    Table,
    inspect,
    select,
)

from mvops.core.prediction import Outcome, Prediction
from mvops.errors import RegistryError
from mvops.registry.columns import JsonText, JsonValue, SafeText, UtcTime
from mvops.registry.engines import only_one
from mvops.registry.places import Place, damaged
from mvops.registry.statements import insert_missing
from mvops.registry.values import to_json

SCHEMA_VERSION = 1
METADATA = MetaData()
_SEQ = BigInteger().with_variant(Integer, "sqlite")

PREDICTIONS = Table(
    "predictions",
    METADATA,
    Column("seq", _SEQ, primary_key=True),
    Column("id", SafeText, nullable=False, unique=True),
    Column("time", UtcTime, nullable=False),
    Column("model", SafeText, nullable=False),
    Column("version", Integer, nullable=False),
    Column("arm", SafeText, nullable=False),
    Column("inputs", JsonText, nullable=False),
    Column("prediction", JsonValue, nullable=False),
    Column("probability", JsonText),
    Column("latency_ms", Float, nullable=False),
    Index("ix_predictions_model_seq", "model", "seq"),
    Index("ix_predictions_model_time", "model", "time"),
    sqlite_autoincrement=True,  # a number is never given twice, or a reader's cursor would skip rows
)
OUTCOMES = Table(
    "outcomes",
    METADATA,
    Column("seq", _SEQ, primary_key=True),
    Column("prediction_id", SafeText, nullable=False, unique=True),
    Column("outcome", JsonValue, nullable=False),
    Column("received", UtcTime, nullable=False),
    sqlite_autoincrement=True,
)
# Outcomes that came before their prediction did. They join the others when it comes, so that every reader meets them.
EARLY = Table(
    "early_outcomes",
    METADATA,
    Column("prediction_id", SafeText, primary_key=True),
    Column("outcome", JsonValue, nullable=False),
    Column("received", UtcTime, nullable=False),
)
SCHEMA = Table(
    "prediction_schema",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("schema_version", Integer, nullable=False),
)


def create_tables(connection: Connection) -> None:
    """Make what is missing, in the caller's transaction."""
    only_one(connection, "prediction tables")
    METADATA.create_all(connection)
    row = {"id": 1, "schema_version": SCHEMA_VERSION}
    connection.execute(insert_missing(connection.dialect.name, SCHEMA), row)


def is_complete(connection: Connection, place: Place) -> bool:
    """Are the tables there; raises RegistryError for a newer schema or a database that is somebody else's."""
    tables = set(inspect(connection).get_table_names())
    if SCHEMA.name not in tables:
        if place.file is not None and "mvops_revision" not in tables:
            raise damaged(place.file, "The file is an SQLite database, but not one of mvops.")
        return False
    found = connection.scalar(select(SCHEMA.c.schema_version))
    if found is None or found > SCHEMA_VERSION:
        raise RegistryError(
            f"The prediction log {place.shown} was made by a newer mvops (schema {found}).",
            hint="Upgrade: pip install --upgrade mvops",
        )
    return True


def prediction_row(prediction: Prediction) -> dict[str, Any]:
    """What is inserted for a prediction."""
    return {name: getattr(prediction, name) for name in Prediction.model_fields}


def to_prediction(row: Row[Any]) -> Prediction:
    """A prediction from the columns of its table."""
    return Prediction.model_validate({name: getattr(row, name) for name in Prediction.model_fields})


def outcome_row(outcome: Outcome) -> dict[str, Any]:
    """What is inserted for an outcome."""
    return {name: getattr(outcome, name) for name in Outcome.model_fields}


def to_outcome(row: Row[Any]) -> Outcome:
    """An outcome from the columns of its table."""
    return Outcome(prediction_id=row.prediction_id, outcome=row.outcome, received=row.received)


def same_value(one: Any, other: Any) -> bool:
    """Do two values read the same once logged."""
    return to_json(one) == to_json(other)
