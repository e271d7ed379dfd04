from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from unittest import mock

import pytest
import releases
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, event, inspect, text

from mvops.core.state import Record
from mvops.errors import RegistryError
from mvops.registry.copies import KEPT, keep_before_migration
from mvops.registry.database import REVISIONS, open_registry
from mvops.registry.engines import make_engine
from mvops.registry.migrating import alembic_config
from mvops.registry.places import locate
from mvops.registry.state import SqlState
from mvops.registry.tables import Base
from mvops.registry.versions import champion, register

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


DRIVER = Path(__file__).with_name("killing.py")
Kill = Callable[..., int]


@pytest.fixture(scope="module")
def kill() -> Iterator[Kill]:
    """Opens a registry until a point of its work (0: to its end); the exit code, -9 where it was killed."""
    if not hasattr(os, "fork"):
        pytest.skip("kills its own children")
    with subprocess.Popen(
        [sys.executable, str(DRIVER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as driver:
        assert driver.stdin is not None
        assert driver.stdout is not None
        stdin, stdout = driver.stdin, driver.stdout

        def run(url: str, root: Path, point: int, *, broken: bool = False) -> int:
            stdin.write(json.dumps({"url": url, "root": str(root), "point": point, "broken": broken}) + "\n")
            stdin.flush()
            return int(stdout.readline())

        yield run
        stdin.close()


def test_d9_a_new_registry_that_is_killed_while_it_is_made_is_made_again(kill, url, tmp_path):
    point = 1
    while (code := kill(url, tmp_path, point)) == -9:
        point += 7
    assert (code, point > 20) == (0, True)
    with open_registry(url, tmp_path, create=False) as registry:
        assert "mvops_versions" in inspect(registry.engine).get_table_names()


@pytest.fixture(params=REVISIONS[:-1])
def old(request: pytest.FixtureRequest, url: str, tmp_path: Path) -> str:
    """A database as a former version of mvops left it, in `url`; the answer is its schema."""
    (tmp_path / ".mvops").mkdir()
    engine = make_engine(locate(url, tmp_path))
    releases.install(engine, request.param)
    engine.dispose()
    return str(request.param)


def looks(url: str, root: Path) -> tuple[object, releases.Rows]:
    """The database's schema, with its revision, and all rows, without mvops opening it."""
    engine = make_engine(locate(url, root))
    try:
        with engine.connect() as connection:
            revision = connection.scalar(text("SELECT version_num FROM mvops_revision"))
        return (revision, described(engine)), releases.rows(engine)
    finally:
        engine.dispose()


def copies(root: Path) -> list[Path]:
    return sorted((root / ".mvops").glob("*.bak"))


def test_there_are_rows_of_every_released_schema(registry, make_draft):
    file = releases.FOLDER / f"{REVISIONS[-1]}.json"
    if os.environ.get("MVOPS_UPDATE_DOCS") and not file.exists():
        releases.fill(registry, make_draft)
        file.write_text(json.dumps(releases.rows(registry.engine), indent=1) + "\n")
    assert {path.stem for path in releases.FOLDER.iterdir()} == set(REVISIONS)
    for revision in REVISIONS:
        rows = releases.released(revision)
        assert {table for table, found in rows.items() if not found} == {"mvops_lock"}, revision
    assert releases.released(REVISIONS[-1]).keys() == Base.metadata.tables.keys()


def test_p24_every_released_schema_is_upgraded_with_its_rows(old, url, tmp_path, make_draft):
    (_, before), content = looks(url, tmp_path), releases.released(old)
    assert before == content
    with open_registry(url, tmp_path) as registry:
        after = releases.rows(registry.engine)
        assert {table: after[table] for table in content} == content
        assert registry.lineage == content["mvops_registry"][0]["lineage"]
        found = champion(registry, "delays")
        assert found is not None
        assert found.number == 1
        assert register(registry, make_draft()).number == 3
        SqlState(registry).put(Record(address="model.new", spec={}, outputs={}))
        upgraded = described(registry.engine)
        if registry.dialect == "postgresql":
            with registry.engine.begin() as connection:
                connection.execute(text("DROP SCHEMA public CASCADE"))
                connection.execute(text("CREATE SCHEMA public"))
    with open_registry(url if url.startswith("postgres") else "sqlite:///fresh.db", tmp_path) as fresh:
        assert described(fresh.engine) == upgraded


def test_an_sqlite_registry_is_copied_before_it_is_migrated(old, url, tmp_path):
    if url.startswith("postgresql"):  # copies are the server's business; a transaction takes all of it back
        open_registry(url, tmp_path).close()
        assert not copies(tmp_path)
        return
    schema, rows = looks(url, tmp_path)
    open_registry(url, tmp_path).close()
    open_registry(url, tmp_path).close()
    (copy,) = copies(tmp_path)
    assert copy.name.startswith(f"registry.db.schema-{old}-20")
    assert sorted(path.name for path in copy.parent.iterdir()) == ["registry.db", copy.name]
    shutil.copy(copy, copy.with_name("registry.db"))
    assert looks(url, tmp_path) == (schema, rows)
    open_registry(url, tmp_path).close()


def test_a_registry_that_cannot_be_copied_is_not_migrated(tmp_path, monkeypatch):
    engine = make_engine(locate("sqlite:///r.db", tmp_path))
    releases.install(engine, REVISIONS[0])
    engine.dispose()
    before = looks("sqlite:///r.db", tmp_path)
    monkeypatch.setattr("mvops.registry.copies._copy", _full)
    with pytest.raises(RegistryError, match="cannot be copied: No space left") as caught:
        open_registry("sqlite:///r.db", tmp_path)
    assert "was not changed" in caught.value.hint
    assert looks("sqlite:///r.db", tmp_path) == before
    assert list(tmp_path.glob("*.bak")) == []


def _full(*_: Path) -> None:
    raise OSError(28, "No space left on device")


def test_of_each_of_the_last_schemas_one_copy_is_kept(tmp_path, monkeypatch):
    seconds = iter(range(60))  # no two copies in the same one
    clock = mock.Mock(now=lambda zone: datetime(2026, 1, 1, 0, 0, next(seconds), tzinfo=zone))
    monkeypatch.setattr("mvops.registry.copies.datetime", clock)
    file = tmp_path / "r[1].db"
    open_registry("sqlite:///r[1].db", tmp_path).close()
    for revision in ("0001", "0002", "0002", "0003", "0004", "0004"):
        keep_before_migration(file, revision)
    assert [path.name.split("-")[1] for path in sorted(tmp_path.glob("*.bak"))] == ["0002", "0003", "0004"][-KEPT:]


@pytest.mark.parametrize("broken", [False, True])
def test_d9_killed_at_each_point_a_migration_is_done_or_not(kill, old, url, tmp_path, broken):
    """`broken` commits each statement by itself: then one finds half a schema, and cannot go on."""
    schema, rows = looks(url, tmp_path)
    seen, code = [], -9
    while code == -9:
        code = kill(url, tmp_path, len(seen) + 1, broken=broken)
        now, kept = looks(url, tmp_path)
        assert {table: kept[table] for table in rows} == rows
        seen.append(now)
    if broken:
        assert (code, seen[-1] == schema, seen[-1][0] == REVISIONS[-1]) == (1, False, False)
        return
    assert (code, seen[-1][0], len(seen) > 8) == (0, REVISIONS[-1], True)
    assert [now for now in seen if now not in (schema, seen[-1])] == []
    assert len(copies(tmp_path)) == (1 if url.startswith("sqlite") else 0)
    assert list(tmp_path.rglob("*.part")) == []
