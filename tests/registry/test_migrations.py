from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, event, inspect, text

from mvops.registry.database import REVISIONS, Registry, open_registry
from mvops.registry.engines import make_engine
from mvops.registry.migrating import alembic_config
from mvops.registry.places import locate
from mvops.registry.tables import Base

pytestmark = [
    pytest.mark.real("registry", "sqlite", "its migrations"),
    pytest.mark.real("registry", "postgresql", "its migrations"),
]


def test_the_known_revisions_are_those_of_the_migrations(registry):
    with registry.engine.connect() as connection:
        script = ScriptDirectory.from_config(alembic_config(connection))
    assert [step.revision for step in script.walk_revisions()][::-1] == list(REVISIONS)


def test_the_migrated_schema_is_that_of_the_tables(registry):
    with registry.engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True, "version_table": "mvops_revision"}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata) == []


def described(engine: Engine) -> dict[str, object]:
    """Every table with its columns, keys and indexes, down to what Alembic's own comparison leaves out."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            query = "SELECT name, sql FROM sqlite_master WHERE name LIKE '%mvops_%' AND name <> 'mvops_revision'"
            found = {name: " ".join(sql.split()) for name, sql in connection.execute(text(query)) if sql}
            return {name: sql.replace("ASC", "").replace('"', "") for name, sql in found.items()}
        view = inspect(connection)
        names = [name for name in view.get_table_names() if name != "mvops_revision"]
        parts = (view.get_columns, view.get_pk_constraint, view.get_foreign_keys, view.get_indexes)
        return {name: [repr(part(name)) for part in parts] for name in names}


def test_the_migrated_schema_is_that_of_the_tables_to_the_letter(registry, request, tmp_path):
    other = "sqlite:///plain.db"
    if registry.dialect == "postgresql":
        with registry.engine.begin() as connection:
            migrated = described(registry.engine)
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
        plain = registry.engine
    else:
        migrated = described(registry.engine)
        plain = make_engine(locate(other, tmp_path))
    Base.metadata.create_all(plain)
    assert described(plain) == migrated
    plain.dispose()


def test_downgrading_leaves_nothing_but_the_revision_table(registry):
    with registry.engine.begin() as connection:
        command.downgrade(alembic_config(connection), "base")
    assert inspect(registry.engine).get_table_names() == ["mvops_revision"]


class StopError(Exception):
    """Raised in the place of a statement."""


def open_until(url: str, root: Path, statement: int) -> bool:
    """Open a new registry, failing at the given CREATE or INSERT; was there one with that number?"""
    seen = 0

    def count(_connection, _cursor, sql, *_rest) -> None:
        nonlocal seen
        if sql.lstrip().upper().startswith(("CREATE", "INSERT")):
            seen += 1
            if seen == statement:
                raise StopError

    event.listen(Engine, "before_cursor_execute", count)
    try:
        open_registry(url, root).close()
    except StopError:
        return True
    else:
        return False
    finally:
        event.remove(Engine, "before_cursor_execute", count)


def tables(url: str, root: Path) -> list[str]:
    place = locate(url, root)
    if place.file is not None:
        assert list(place.file.parent.glob("*")) == []
        return []
    engine = make_engine(place)
    try:
        return inspect(engine).get_table_names()
    finally:
        engine.dispose()


def test_a_migration_that_fails_somewhere_leaves_nothing(url, tmp_path):
    statement = 1
    while open_until(url, tmp_path, statement):
        assert tables(url, tmp_path) == []
        statement += 3
    assert statement > len(Base.metadata.tables)
    with open_registry(url, tmp_path) as registry:
        assert "mvops_versions" in inspect(registry.engine).get_table_names()


KILLED = """
import os, sys
from pathlib import Path
from sqlalchemy import Engine, event
from mvops.registry.database import open_registry
import mvops.registry.migrating

def attempt(statement):
    seen = 0
    def count(_connection, _cursor, sql, *_rest):
        nonlocal seen
        seen += sql.lstrip().upper().startswith(("CREATE", "INSERT", "PRAGMA", "BEGIN"))
        if seen == statement:
            os.kill(os.getpid(), 9)
    event.listen(Engine, "before_cursor_execute", count)
    open_registry(sys.argv[1], Path(sys.argv[2])).close()

for statement in map(int, sys.argv[3:]):
    child = os.fork()
    if child == 0:
        attempt(statement)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills its own children")
def test_a_migration_that_is_killed_is_done_again(url, tmp_path):
    statements = ["2", "9", "20"]
    ran = subprocess.run(
        [sys.executable, "-c", KILLED, url, str(tmp_path), *statements], capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == ["-9"] * len(statements)
    with open_registry(url, tmp_path) as registry:
        assert isinstance(registry, Registry)
        assert "mvops_versions" in inspect(registry.engine).get_table_names()
