"""A1: killed at every point of its work, an apply is done again to the same end, on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from databases import postgresql
from toy_project import cached, copy, edit, environment, mvops, query, snapshot

from mvops.registry.journal import SqlJournal
from mvops.registry.lock import current_lock
from mvops.registry.state import SqlState
from mvops.usecases.project import open_project
from mvops.usecases.versions import list_versions

pytestmark = [pytest.mark.system, pytest.mark.long(minutes=5)]
DRIVER = Path(__file__).with_name("crashing.py")
CHANGED = ("apply", "--yes", "models.toy.endpoint.max_rows=50", "models.toy.monitor.every=1h")
Crash = Callable[..., dict[str, int]]


@pytest.fixture(scope="module")
def crash() -> Iterator[Crash]:
    """Runs a command in `root` until a point (0: to its end); how it ended, and how many points it passed."""
    with subprocess.Popen(
        [sys.executable, str(DRIVER)], env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as driver:
        assert driver.stdin is not None
        assert driver.stdout is not None
        stdin, stdout = driver.stdin, driver.stdout

        def run(root: Path, *arguments: str, point: int = 0, broken: bool = False) -> dict[str, int]:
            command = {"root": str(root), "arguments": arguments, "point": point, "broken": broken}
            stdin.write(json.dumps(command) + "\n")
            stdin.flush()
            answer: dict[str, int] = json.loads(stdout.readline())
            return answer

        yield run
        stdin.close()


def end(root: Path) -> dict[str, Any]:
    """All that is left, but for times, numbers of entries and ids of runs."""
    with open_project(root) as workspace:
        records = SqlState(workspace.registry).records().values()
        files = {name: digest for name, digest in snapshot(root).items() if name.startswith("deploy/")}
        return {
            "records": {record.address: (record.spec, sorted(record.outputs)) for record in records},
            "versions": [(line.version.number, line.role) for line in list_versions(workspace, "toy")],
            "unfinished": SqlJournal(workspace.registry).unfinished(),
            "lock": current_lock(workspace.registry),
            "files": files,
            "drafts": list((root / "deploy").rglob("*.part")),
        }


def survived(crash: Crash, make: Callable[[str], Path], command: tuple[str, ...], *, broken: bool = False) -> list[int]:
    """The points after which the same command did not end where an undisturbed one does."""
    whole = make("whole")
    ended = crash(whole, *command)
    assert ended["code"] == 0
    expected, points, bad = end(whole), ended["points"], []
    for point in range(1, points + 1, 4 if broken else 1):
        root = make(f"at{point}")
        killed = crash(root, *command, point=point, broken=broken)
        assert killed["code"] == -9, (point, killed)
        again = mvops(root, *command)
        rest = mvops(root, "plan", *[word for word in command if "=" in word], "--detailed-exitcode")
        wanted = 0 if command[0] == "apply" else 2
        if (again.code, rest.code, end(root)) != (0, wanted, expected):
            bad.append(point)
        shutil.rmtree(root)
    assert points > 10
    return bad


def test_p4_a1_a_first_apply(crash: Crash, applied: Path, tmp_path: Path) -> None:
    assert survived(crash, lambda name: cached(applied, tmp_path / name), ("apply", "--yes")) == []


def test_a1_a_change(crash: Crash, applied: Path, tmp_path: Path) -> None:
    def make(name: str) -> Path:
        root = copy(applied, tmp_path / name)
        app = next((root / "deploy/serving/toy").glob("app.py"))
        app.write_text(app.read_text() + "# by hand\n")
        return root

    assert survived(crash, make, CHANGED) == []


def test_a1_a_destroy(crash: Crash, applied: Path, tmp_path: Path) -> None:
    assert survived(crash, lambda name: copy(applied, tmp_path / name), ("destroy", "--yes")) == []


def test_a1_a_journal_that_lies_is_caught(crash: Crash, applied: Path, tmp_path: Path) -> None:
    bad = survived(crash, lambda name: cached(applied, tmp_path / name), ("apply", "--yes"), broken=True)
    assert len(bad) > 3


@pytest.mark.real("registry", "postgresql", "an apply killed at every point of its work, and done again")
def test_a1_on_postgresql(crash: Crash, applied: Path, tmp_path: Path) -> None:
    with postgresql() as server:

        def make(name: str) -> Path:
            root = cached(applied, tmp_path / name)
            edit(root / "configs/project.yaml", "sqlite:///.mvops/registry.db", f'"{server.new()}"')
            return root

        assert survived(crash, make, ("apply", "--yes")) == []


def test_a2_a_step_that_fails_is_told_and_done_again(applied: Path, tmp_path: Path) -> None:
    root = cached(applied, tmp_path / "toy")
    (root / "deploy").mkdir()
    (root / "deploy/serving").write_text("in the way of a folder\n")
    refused = mvops(root, "apply", "--yes").refused("endpoint.toy", "mvops apply")
    assert "FAILED  create endpoint.toy" in refused.out
    assert query(root, "SELECT count(*) FROM mvops_lock") == [(0,)]
    (root / "deploy/serving").unlink()
    mvops(root, "apply", "--yes").ok()
    mvops(root, "plan", "--detailed-exitcode").ok(0)
