"""Brings a database to the newest schema, in the caller's transaction: all of it, or nothing."""

from __future__ import annotations

import uuid
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from mvops.registry import migrations
from mvops.registry.engines import only_one
from mvops.registry.statements import insert_missing
from mvops.registry.tables import Base
from mvops.registry.values import utc_now


def migrate(connection: Connection, environment: str | None = None) -> None:
    """Upgrade to the newest schema and see that the registry has its lineage, which names its environment."""
    only_one(connection, "migrate")
    command.upgrade(alembic_config(connection), "head")
    row = {
        "id": 1,
        "lineage": f"{uuid.uuid4()}{f'@{environment}' if environment else ''}",
        "serial": 0,
        "created": utc_now(),
    }
    connection.execute(insert_missing(connection.dialect.name, Base.metadata.tables["mvops_registry"]), row)


def alembic_config(connection: Connection) -> Config:
    """What Alembic must know: where our migrations are, and the connection to use."""
    config = Config(attributes={"connection": connection})
    folder = str(Path(migrations.__file__).parent)
    config.set_main_option("script_location", folder.replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
