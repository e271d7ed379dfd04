from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from mvops.core.state import Record
from mvops.errors import LockedError, MissingExtraError, RegistryError, UsageError
from mvops.registry.database import open_registry
from mvops.registry.engines import BUSY_SECONDS
from mvops.registry.events import events, record_event
from mvops.registry.state import SqlState

pytestmark = [
    pytest.mark.real("registry", "sqlite", "the same suite on both: files"),
    pytest.mark.real("registry", "postgresql", "the same suite on both: a PostgreSQL 18 server"),
]

URL = "sqlite:///.mvops/registry.db"


def path_in(root: Path) -> Path:
    return root / ".mvops" / "registry.db"


def test_a_registry_keeps_its_lineage_and_content(url, tmp_path):
    with open_registry(url, tmp_path) as first:
        SqlState(first).put(Record(address="model.a", spec={}, outputs={}))
    with open_registry(url, tmp_path) as second:
        assert second.lineage == first.lineage
        assert list(SqlState(second).records()) == ["model.a"]


def test_two_registries_have_lineages_of_their_own(tmp_path):
    with open_registry("sqlite:///a.db", tmp_path) as a, open_registry("sqlite:///b.db", tmp_path) as b:
        assert a.lineage != b.lineage


def test_a_relative_file_is_below_the_root_and_only_mvops_own_folder_is_made(tmp_path):
    open_registry(URL, tmp_path).close()
    assert path_in(tmp_path).is_file()
    with pytest.raises(RegistryError, match="does not exist") as caught:
        open_registry("sqlite:///elsewhere/registry.db", tmp_path)
    assert "mkdir -p" in caught.value.hint
    assert not (tmp_path / "elsewhere").exists()


def test_an_absolute_file(tmp_path):
    open_registry(f"sqlite:///{tmp_path}/r.db", Path("/nowhere")).close()
    assert (tmp_path / "r.db").is_file()


def test_nothing_is_left_beside_a_closed_registry(tmp_path):
    open_registry(URL, tmp_path).close()
    assert [p.name for p in path_in(tmp_path).parent.iterdir()] == ["registry.db"]


def test_create_false_makes_nothing(url, tmp_path):
    with pytest.raises(RegistryError, match="no registry yet"):
        open_registry(url, tmp_path, create=False)
    assert not path_in(tmp_path).exists()
    open_registry(url, tmp_path).close()
    open_registry(url, tmp_path, create=False).close()


@pytest.mark.parametrize(
    "url", ["", "nonsense", "mysql://host/db", "sqlite://", "sqlite:///:memory:", "sqlite:///a.db?mode=memory&uri=true"]
)
def test_a_url_that_mvops_cannot_use_says_what_to_write(url, tmp_path):
    with pytest.raises(UsageError) as caught:
        open_registry(url, tmp_path)
    assert "sqlite:///" in caught.value.hint


def test_postgresql_without_its_driver_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtraError) as caught:
        open_registry("postgresql+psycopg://localhost/db", tmp_path)
    assert "mvops[postgres]" in caught.value.hint


def test_postgresql_that_is_not_there_is_an_error_within_seconds_and_hides_the_password(tmp_path):
    began = time.monotonic()
    with pytest.raises(RegistryError, match="cannot be reached") as caught:
        open_registry("postgresql://user:geheim@127.0.0.1:1/db", tmp_path)
    assert time.monotonic() - began < 10
    assert "geheim" not in str(caught.value)
    assert caught.value.hint == "Is PostgreSQL running there, and are host and port right?"


def test_d5_a_frozen_postgresql_is_not_waited_for_for_ever(postgres_url, tmp_path, monkeypatch):
    monkeypatch.setattr("mvops.registry.silence.LONGEST", 1.0)
    began = time.monotonic()
    with open_registry(postgres_url, tmp_path) as registry:
        frozen = []

        def write_while_it_freezes() -> None:
            with registry.session() as session:
                frozen.append(psutil.Process(session.connection().exec_driver_sql("SELECT pg_backend_pid()").scalar()))
                frozen[0].suspend()
                record_event(registry, "never", "b", "c")

        try:
            with pytest.raises(RegistryError, match="cannot be reached: it has not answered for 1 seconds"):
                write_while_it_freezes()
            record_event(registry, "after", "b", "c")  # on a connection of its own, at once
            frozen.append(frozen[0].parent())
            frozen[1].suspend()
            with pytest.raises(RegistryError, match="cannot be reached"):
                open_registry(postgres_url, tmp_path)
        finally:
            for process in frozen:
                process.resume()
        assert [e.kind for e in events(registry)] == ["after"]
    assert time.monotonic() - began < 20


def test_every_commit_is_durable(registry):
    with registry.engine.connect() as connection:
        if registry.dialect == "sqlite":
            pragmas = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}
            assert {p: connection.exec_driver_sql(f"PRAGMA {p}").scalar() for p in pragmas} == pragmas
        else:
            assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
            assert connection.exec_driver_sql("SHOW lock_timeout").scalar() == "5s"


def test_a_server_whose_sessions_do_not_wait_for_the_disk_is_overruled(postgres_url, tmp_path):
    with open_registry(postgres_url, tmp_path) as registry, registry.engine.begin() as connection:
        name = connection.exec_driver_sql("SELECT current_database()").scalar()
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET synchronous_commit = off")
    with open_registry(postgres_url, tmp_path) as registry, registry.engine.connect() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"


def write(content: bytes, root: Path) -> Path:
    path_in(root).parent.mkdir(exist_ok=True)
    path_in(root).write_bytes(content)
    return path_in(root)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"SQLite format 3\x00", "not an SQLite database"),
        (b"# a note\n" * 100, "not an SQLite database"),
    ],
)
def test_a_file_that_is_no_database_is_named_and_not_touched(tmp_path, content, message):
    file = write(content, tmp_path)
    with pytest.raises(RegistryError, match=message) as caught:
        open_registry(URL, tmp_path)
    assert caught.value.where.file == file
    assert "backup" in caught.value.hint
    assert file.read_bytes() == content


@pytest.mark.parametrize("lost", [1, 100, 4096, 20000])
def test_d2_a_truncated_registry_is_refused_and_not_touched(tmp_path, lost):
    open_registry(URL, tmp_path).close()
    file = path_in(tmp_path)
    os.truncate(file, file.stat().st_size - lost)
    before = file.read_bytes()
    with pytest.raises(RegistryError, match="truncated: it has"):
        open_registry(URL, tmp_path)
    assert file.read_bytes() == before


def test_a_registry_with_a_damaged_page_is_refused(tmp_path):
    open_registry(URL, tmp_path).close()
    file = path_in(tmp_path)
    content = bytearray(file.read_bytes())
    content[100:400] = b"\xff" * 300
    file.write_bytes(content)
    with pytest.raises(RegistryError, match="damaged"):
        open_registry(URL, tmp_path)


def test_somebody_elses_database_is_refused_and_not_touched(tmp_path):
    path_in(tmp_path).parent.mkdir()
    other = sqlite3.connect(path_in(tmp_path))
    other.execute("CREATE TABLE theirs (a)")
    other.close()
    with pytest.raises(RegistryError, match="not one of mvops"):
        open_registry(URL, tmp_path)
    other = sqlite3.connect(path_in(tmp_path))
    assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]
    other.close()


def test_a_folder_in_its_place_is_an_error(tmp_path):
    path_in(tmp_path).mkdir(parents=True)
    with pytest.raises(RegistryError, match="cannot be read"):
        open_registry(URL, tmp_path)


def test_a_lost_database_whose_log_is_still_there_is_not_begun_anew(tmp_path):
    open_registry(URL, tmp_path).close()
    path_in(tmp_path).unlink()
    path_in(tmp_path).with_name("registry.db-wal").write_bytes(b"committed changes")
    with pytest.raises(RegistryError, match=r"registry\.db-wal is still there"):
        open_registry(URL, tmp_path)
    assert not path_in(tmp_path).exists()


def test_a_lost_lineage_is_damage(registry, url, tmp_path):
    with registry.session() as session:
        session.connection().execute(text("DELETE FROM mvops_registry"))
    with pytest.raises(RegistryError, match="lost the row"):
        open_registry(url, tmp_path)


def test_d9_a_newer_schema_is_refused_and_not_touched(registry, url, tmp_path):
    with registry.session() as session:
        session.connection().execute(text("UPDATE mvops_revision SET version_num = '9999'"))
    with pytest.raises(RegistryError, match="newer mvops") as caught:
        open_registry(url, tmp_path)
    assert "--upgrade" in caught.value.hint
    with registry.reading() as session:
        assert session.connection().scalar(text("SELECT version_num FROM mvops_revision")) == "9999"


def test_d1_a_registry_that_another_process_keeps_locked_is_an_error_after_the_wait(tmp_path):
    with open_registry(URL, tmp_path) as registry:
        other = sqlite3.connect(path_in(tmp_path), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert events(registry) == []  # readers do not wait
        began = time.monotonic()
        with pytest.raises(LockedError, match="busy") as caught:
            record_event(registry, "a", "b", "c")
        assert BUSY_SECONDS - 0.5 < time.monotonic() - began < BUSY_SECONDS + 5
        assert "again" in caught.value.hint
        other.execute("ROLLBACK")
        other.close()
        record_event(registry, "a", "b", "c")
        assert len(events(registry)) == 1


def test_d1_writers_wait_for_each_other_instead_of_failing(registry):
    def several() -> None:
        for _ in range(10):
            with registry.session() as session:  # reads, then writes: what a deferred transaction trips over
                connection = session.connection()
                serial = connection.scalar(text("SELECT serial FROM mvops_registry FOR UPDATE" if pg else LOOK))
                connection.execute(text("UPDATE mvops_registry SET serial = :next"), {"next": serial + 1})

    pg = registry.dialect == "postgresql"
    LOOK = "SELECT serial FROM mvops_registry"  # noqa: N806
    threads = [threading.Thread(target=several) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert SqlState(registry).serial() == 50


def test_a_transaction_that_only_reads_cannot_write(registry):
    with pytest.raises(RegistryError, match=r"read-?only"), registry.reading() as session:
        session.connection().execute(text("DELETE FROM mvops_events"))
    record_event(registry, "a", "b", "c")
    assert len(events(registry)) == 1


def test_an_inner_session_that_fails_takes_only_its_own_changes_back(registry):
    def inner() -> None:
        with registry.session():
            record_event(registry, "inner", "b", "c")
            raise ZeroDivisionError

    with registry.session():
        record_event(registry, "outer", "b", "c")
        with pytest.raises(ZeroDivisionError):
            inner()
    assert [e.kind for e in events(registry)] == ["outer"]


def test_foreign_keys_hold(registry):
    row = {"model": "m", "number": 1, "since": datetime.now(UTC).isoformat(), "reason": "r"}
    insert = text(
        "INSERT INTO mvops_champions (model, number, since, reason) VALUES (:model, :number, :since, :reason)"
    )
    with pytest.raises(RegistryError, match="refused"), registry.session() as session:
        session.connection().execute(insert, row)


def test_an_error_of_the_database_keeps_its_cause(registry):
    with pytest.raises(RegistryError) as caught, registry.session() as session:
        session.connection().execute(text("SELECT nonsense"))
    assert isinstance(caught.value.__cause__, DBAPIError)


def test_a_full_disk_is_an_error_that_says_so_and_nothing_is_lost(tmp_path):
    with open_registry(URL, tmp_path) as registry:
        record_event(registry, "before", "b", "c")
        with registry.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 1")
            connection.rollback()
        with pytest.raises(RegistryError, match="disk is full"):
            record_event(registry, "big", "b", "x" * 1_000_000)
        assert [e.kind for e in events(registry)] == ["before"]


def test_a_registry_copied_with_its_log_is_whole(tmp_path):
    with open_registry(URL, tmp_path) as registry:
        record_event(registry, "a", "b", "c")
        shutil.copytree(tmp_path / ".mvops", tmp_path / "copy" / ".mvops")
    with open_registry(URL, tmp_path / "copy") as copy:
        assert len(events(copy)) == 1


SEVERAL = """
import sys
from pathlib import Path
from mvops.registry.database import open_registry
from mvops.registry.events import record_event
print("ready", flush=True)
sys.stdin.readline()
with open_registry(sys.argv[1], Path(sys.argv[2])) as registry:
    record_event(registry, "opened", "x", "y")
    print(registry.lineage)
"""


def test_processes_that_create_it_at_the_same_time_share_one(url, tmp_path):
    command = [sys.executable, "-c", SEVERAL, url, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **pipes) for _ in range(2)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    lineages = [process.communicate()[0].strip() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    with open_registry(url, tmp_path) as registry:
        assert set(lineages) == {registry.lineage}
        assert len(events(registry)) == 2
