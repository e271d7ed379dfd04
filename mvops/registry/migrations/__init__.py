"""The history of the registry's schema, for Alembic; run by mvops itself, no alembic.ini needed."""
