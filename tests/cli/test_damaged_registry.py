"""A registry that was damaged, lost, exchanged, locked or made by a newer mvops is told, never written over."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from toy_project import copy, environment, mvops, query, snapshot

from mvops.serving.ownership import claim

REGISTRY = Path(".mvops/registry.db")
HOURLY = "models.toy.monitor.every=1h"
# Another change of the records, after which this process is gone, its log still beside the database.
KILLED = """
import os, sys
from pathlib import Path
from mvops.core.state import Record
from mvops.registry.database import open_registry
from mvops.registry.state import SqlState
registry = open_registry("sqlite:///.mvops/registry.db", Path(sys.argv[1]))
SqlState(registry).put(Record(address="tracker.late", spec={}, outputs={}))
os.kill(os.getpid(), 9)
"""


def kill_while_open(root: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(root)], env=environment(), check=False)
    assert done.returncode == -signal.SIGKILL
    assert wal(root).stat().st_size > 0


def wal(root: Path) -> Path:
    return root / f"{REGISTRY}-wal"


def cut(size: float) -> Callable[[Path], None]:
    """Cut the last bytes off, or a part of all."""

    def damage(root: Path) -> None:
        whole = (root / REGISTRY).stat().st_size
        os.truncate(root / REGISTRY, int(whole * size if 0 < size < 1 else whole - size))

    return damage


def overwrite(content: bytes, at: int = 0) -> Callable[[Path], None]:
    def damage(root: Path) -> None:
        with (root / REGISTRY).open("r+b") as file:
            file.seek(at)
            file.write(content)

    return damage


def pages_of_rubbish(root: Path) -> None:
    """Everything after the first page, which holds the schema."""
    size = (root / REGISTRY).stat().st_size
    overwrite(b"\xff" * (size - 4096), 4096)(root)


def somebody_elses(root: Path) -> None:
    (root / REGISTRY).unlink()
    with contextlib.closing(sqlite3.connect(root / REGISTRY)) as other:
        other.execute("CREATE TABLE theirs (a)")


def another_projects(root: Path) -> None:
    other = copy(root, root.with_name("other"))
    for end in ("", ".mark", ".bak"):
        (other / f"{REGISTRY}{end}").unlink()
    mvops(other, "state", "list").ok()
    shutil.copy(other / REGISTRY, root / REGISTRY)


def log_lost(root: Path) -> None:
    kill_while_open(root)
    wal(root).unlink()
    (root / f"{REGISTRY}-shm").unlink()


def copied_without_its_log(root: Path) -> None:
    kill_while_open(root)
    elsewhere = shutil.copy(root / REGISTRY, root / "elsewhere")
    mvops(root, "state", "list").ok()
    shutil.move(elsewhere, root / REGISTRY)


def database_lost(root: Path) -> None:
    kill_while_open(root)
    (root / REGISTRY).unlink()


def emptied(root: Path) -> None:
    (root / REGISTRY).write_bytes(b"")


DAMAGES = {
    "d2 0 bytes": (emptied, "The file is empty"),
    "d2 gone": (lambda root: (root / REGISTRY).unlink(), "The registry is gone"),
    "d2 half": (cut(0.5), "truncated: it has"),
    "d2 the last byte": (cut(1), "truncated: it has"),
    "d2 the last page": (cut(4096), "truncated: it has"),
    "d2 a few bytes": (cut(0.00001), "not an SQLite database"),
    "d2 a header of rubbish": (overwrite(b"\xff" * 100), "not an SQLite database"),
    "d2 pages of rubbish": (pages_of_rubbish, "The database is damaged"),
    "d2 a text": (lambda root: (root / REGISTRY).write_text("# a note\n" * 100), "not an SQLite database"),
    "d2 somebody else's": (somebody_elses, "not one of mvops"),
    "d2 another project's": (another_projects, "another registry than the one that was here"),
    "d3 log lost": (log_lost, "older than it was"),
    "d3 copied without its log": (copied_without_its_log, "older than it was"),
    "d3 all but the log lost": (database_lost, "registry.db-wal is still there"),
}


def bytes_of(root: Path) -> dict[str, str]:
    """What is there of the registry, but for what SQLite puts beside a database that is only read."""
    found = [path for path in (root / REGISTRY).parent.glob(f"{REGISTRY.name}*") if not path.name.endswith("-shm")]
    found = [path for path in found if path != wal(root) or path.stat().st_size]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


@pytest.mark.parametrize("case", DAMAGES)
def test_d2_d3_a_damaged_registry_is_refused_and_its_copy_restored(project: Path, case: str) -> None:
    damage, said = DAMAGES[case]
    damage(project)
    before, files = bytes_of(project), snapshot(project)
    for command in (["plan"], ["status"], ["apply", "--yes", HOURLY]):
        refused = mvops(project, *command).refused(".mvops/registry.db", said, "registry.db.bak", "mvops state restore")
        assert refused.out == ""
        assert (bytes_of(project), snapshot(project)) == (before, files)
    mvops(project, "state", "restore").refused("this needs a yes")
    assert bytes_of(project) == before
    restored = mvops(project, "state", "restore", "--yes").ok()
    assert "registry.db.bak" in restored.out
    assert (project / f"{REGISTRY}.mark").exists(), "what is restored is guarded at once"
    mvops(project, "plan", "--detailed-exitcode").ok(0)
    mvops(project, "apply", "--yes", HOURLY).ok()
    aside = [digest for name, digest in bytes_of(project).items() if ".replaced-" in name]
    assert {before[name] for name in before if name in {REGISTRY.name, wal(project).name}} <= set(aside)


def test_d3_what_a_killed_command_left_in_its_log_is_there(project: Path) -> None:
    kill_while_open(project)
    (project / f"{REGISTRY}-shm").unlink()
    assert "tracker.late" in mvops(project, "state", "list").ok().out
    assert not wal(project).exists()


def test_d2_a_copy_without_a_mark_is_a_registry(project: Path) -> None:
    for end in (".mark", ".bak"):
        (project / f"{REGISTRY}{end}").unlink()
    mvops(project, "plan", "--detailed-exitcode").ok(0)
    mvops(project, "state", "restore", "--yes").refused("there is no copy of")
    mvops(project, "apply", "--yes", HOURLY).ok()
    assert (project / f"{REGISTRY}.mark").exists()
    assert (project / f"{REGISTRY}.bak").exists()


def begins_anew(root: Path) -> None:
    """Whoever goes on without the former registry: refused while an endpoint answers by it, else one apply."""
    folder = root / ".mvops/serving/toy"
    former = {path.name: path.read_bytes() for path in (folder / "route.json", folder / "v1.json")}
    running = claim(folder / "spool")
    before = snapshot(root)
    told = "an endpoint, started by `mvops serve toy`, is running by .mvops/serving/toy, of which"
    assert f"x model.toy     conflict: {told}" in mvops(root, "plan", "--detailed-exitcode").ok(1).out
    mvops(root, "apply", "--yes").refused(f"model.toy: {told}", "Stop it where it was started (Ctrl-C)")
    assert snapshot(root) == before
    assert mvops(root, "versions", "list", "toy", "--json").ok().json()["versions"] == []
    running.release()
    said = mvops(root, "apply", "--yes").ok().err
    (aside,) = folder.glob("former-*")
    assert f"was moved to .mvops/serving/toy/{aside.name}" in said
    assert {path.name: path.read_bytes() for path in aside.iterdir()} == former
    (version,) = mvops(root, "versions", "list", "toy", "--json").ok().json()["versions"]
    assert (version["number"], version["role"]) == (1, "champion")
    assert f'"run": "{version["run"]}"' in (folder / "v1.json").read_text()
    assert (folder / "v1.json").read_bytes() != former["v1.json"]
    assert "knows of no apply" not in mvops(root, "plan", "--detailed-exitcode").ok(0).out
    goes_on_from_half_way(copy(root, root.with_name("half")), aside.name)
    goes_back(root, former, said)


def goes_on_from_half_way(root: Path, aside: str) -> None:
    """Beginning anew once failed with version 1 registered and what the former registry served in its way."""
    folder = root / ".mvops/serving/toy"
    for path in (folder / aside).iterdir():
        path.replace(folder / path.name)
    (folder / aside).rmdir()
    with contextlib.closing(sqlite3.connect(root / REGISTRY)) as registry, registry:
        registry.execute("DELETE FROM mvops_champions")
        registry.execute("DELETE FROM mvops_records WHERE address IN ('model.toy', 'endpoint.toy', 'monitor.toy')")
    mvops(root, "apply", "--yes").ok()
    (version,) = mvops(root, "versions", "list", "toy", "--json").ok().json()["versions"]
    assert (version["number"], version["role"]) == (1, "champion")
    assert f'"run": "{version["run"]}"' in (folder / "v1.json").read_text()
    mvops(root, "plan", "--detailed-exitcode").ok(0)


def goes_back(root: Path, former: dict[str, bytes], said: str) -> None:
    """The former registry is put back after all, with what it had in the traffic."""
    (kept,) = root.glob(f"{REGISTRY}.former-*.bak")
    again = ("state", "restore", kept.relative_to(root), "--yes")
    assert f"the copy of the registry before this one stays: mvops state restore {kept.relative_to(root)}" in said
    mvops(root, "state", "restore", "configs/project.yaml", "--yes").refused(
        "is no copy of a registry", "registry.db*.bak"
    )
    folder = root / ".mvops/serving/toy"
    running = claim(folder / "spool")
    before, ours = bytes_of(root), (folder / "v1.json").read_bytes()
    mvops(root, *again).refused(f"with versions that {kept.name} knows nothing of", "Stop it where it was started")
    running.release()
    assert bytes_of(root) == before
    elsewhere = mvops(root.parent, "-C", root.name, *again).ok().out
    assert "toy was served by versions that it does not know" in elsewhere
    assert ours in [path.read_bytes() for path in folder.glob("former-*/v1.json")]
    assert "! endpoint.toy  repair" in mvops(root, "plan").ok().out
    mvops(root, "apply", "--yes").ok()
    assert (folder / "v1.json").read_bytes() == former["v1.json"]
    mvops(root, "plan", "--detailed-exitcode").ok(0)


def test_d2_a_registry_that_is_gone_with_its_copies_is_told(project: Path) -> None:
    kept = shutil.copy(project / f"{REGISTRY}.bak", project.parent)
    for path in (project / REGISTRY).parent.glob(f"{REGISTRY.name}*"):
        path.unlink()
    before = snapshot(project)
    note = (
        "note: the registry knows of no apply, but of one there is .mvops/serving/toy/route.json. If it was lost, put"
    )
    for _ in range(2):
        said = mvops(project, "plan").ok().out
        assert note in said
        assert "= schedule.toy  adopt: already so" in said
    assert "models begin with version 1 again" in mvops(project, "plan", "--json").ok().json()["notices"][0]
    anew = copy(project, project.with_name("anew"))
    shutil.copy(kept, anew / f"{REGISTRY}.bak")
    begins_anew(anew)
    shutil.copy(kept, project / f"{REGISTRY}.bak")
    told = "route.json, .mvops/registry.db.bak. If it was lost, `mvops state restore` puts the copy in its place"
    assert told in mvops(project, "plan").ok().out
    mvops(project, "state", "restore", "--yes").ok()
    assert "knows of no apply" not in mvops(project, "plan", "--detailed-exitcode").ok(0).out
    assert {k: v for k, v in snapshot(project).items() if "mvops_" not in k} == {
        k: v for k, v in before.items() if "mvops_" not in k
    }


def test_d2_a_whole_registry_is_put_back_only_when_nobody_works_with_it(project: Path) -> None:
    mvops(project, "apply", "--yes", HOURLY).ok()
    mvops(project, "versions", "list", "toy").ok()
    before = query(project, "SELECT * FROM mvops_records")
    asked = mvops(project, "state", "restore", "--yes").ok()
    assert "registry.db.replaced-" in asked.out
    assert query(project, "SELECT * FROM mvops_records") == before


def test_d9_a_newer_schema_is_refused_and_not_touched(project: Path) -> None:
    with contextlib.closing(sqlite3.connect(project / REGISTRY)) as connection, connection:
        connection.execute("UPDATE mvops_revision SET version_num = '9999'")
    before = bytes_of(project)
    for command in (["plan"], ["status"], ["apply", "--yes", HOURLY]):
        mvops(project, *command).refused("A newer mvops made the registry", "schema 9999", "pip install --upgrade")
        assert bytes_of(project) == before


@pytest.fixture
def locked(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[sqlite3.Connection]:
    """Somebody who has begun to write, and does not end; mvops waits for a second only."""
    for module in ("engines", "troubles"):
        monkeypatch.setattr(f"mvops.registry.{module}.BUSY_SECONDS", 1.0)
    other = sqlite3.connect(project / REGISTRY, isolation_level=None, check_same_thread=False)
    other.execute("PRAGMA journal_mode = WAL")
    other.execute("BEGIN IMMEDIATE")
    yield other
    other.close()


def test_d1_a_locked_database_is_waited_for(project: Path, locked: sqlite3.Connection) -> None:
    before = snapshot(project)
    mvops(project, "plan", "--detailed-exitcode").ok(0)  # who only reads waits for nobody
    said = ("The database is busy", "registry.db has been locked by another process for 1 second", "again")
    mvops(project, "apply", "--yes", HOURLY).refused(*said)
    assert snapshot(project) == before
    released = threading.Timer(0.3, locked.execute, ("ROLLBACK",))
    released.start()
    mvops(project, "apply", "--yes", HOURLY).ok()
    released.join()
    mvops(project, "plan", "--detailed-exitcode", HOURLY).ok(0)
