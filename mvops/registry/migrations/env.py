"""Alembic runs this file; the connection, with its transaction begun, comes from `mvops.registry.migrating`."""

from __future__ import annotations

from alembic import context

from mvops.registry.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table="mvops_revision",
    transactional_ddl=True,  # SQLite can too, once the driver leaves BEGIN to us
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
