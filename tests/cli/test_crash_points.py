"""A1, A2: killed or failing at every point of its work, an apply is done again to the same end.

On SQLite and on PostgreSQL. MVOPS_TEST_DEPTH=nightly takes every write of A2 and more pairs of crashes.
"""

from __future__ import annotations

import errno
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from crashes import NIGHTLY, Crash, crashes
from databases import postgresql
from toy_project import cached, copy, edit, mvops, query, snapshot

from mvops.registry.journal import SqlJournal
from mvops.registry.lock import current_lock
from mvops.registry.state import SqlState
from mvops.usecases.project import open_project
from mvops.usecases.versions import list_versions

pytestmark = [pytest.mark.system, pytest.mark.long(minutes=5)]
CHANGED = ("apply", "--yes", "models.toy.endpoint.max_rows=50", "models.toy.monitor.every=1h")


@pytest.fixture(scope="module")
def crash() -> Iterator[Crash]:
    with crashes() as run:
        yield run


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


def goes_on(root: Path, command: tuple[str, ...], expected: dict[str, Any]) -> bool:
    """Does the same command, typed again, end where an undisturbed one does; and is there nothing to do then."""
    again = mvops(root, *command)
    rest = mvops(root, "plan", *[word for word in command if "=" in word], "--detailed-exitcode")
    wanted = 0 if command[0] == "apply" else 2
    return (again.code, rest.code, end(root)) == (0, wanted, expected)


def survived(
    crash: Crash, make: Callable[[str], Path], command: tuple[str, ...], *, every: int = 1, broken: bool = False
) -> list[int]:
    """The points after which the same command did not end where an undisturbed one does; at night, all are tried."""
    whole = make("whole")
    ended = crash(whole, *command)
    assert ended["code"] == 0
    expected, points, bad = end(whole), ended["points"], []
    for point in range(1, points + 1, 1 if NIGHTLY else every):
        root = make(f"at{point}")
        killed = crash(root, *command, point=point, broken=broken)
        assert killed["code"] == -9, (point, killed)
        if not goes_on(root, command, expected):
            bad.append(point)
        shutil.rmtree(root)
    assert points > 10
    return bad


def failed(crash: Crash, make: Callable[[str], Path], *, few: int, broken: bool = False) -> list[int]:
    """The writes after whose failure the same apply did not end where an undisturbed one does."""
    command = ("apply", "--yes")
    whole = make("whole")
    ended = crash(whole, *command, fault="EIO")
    assert ended["code"] == 0
    expected, points, bad = end(whole), ended["points"], []
    stride = 1 if NIGHTLY and not broken else max(1, points // few)
    told = ("disk is full", "cannot be written", os.strerror(errno.ENOSPC), os.strerror(errno.EIO))
    named = 0
    for number, point in enumerate(range(1, points + 1, stride)):
        root = make(f"fault{point}")
        answer = crash(root, *command, point=point, broken=broken, fault=("ENOSPC", "EIO")[number % 2])
        assert answer["code"] in {0, 1}, answer  # 0: what is a cache, or was done again, does not matter
        assert "Traceback" not in answer["said"], answer
        if answer["code"]:
            assert sum(line.startswith("error: ") for line in answer["said"].splitlines()) == 1, answer
            assert any(words in answer["said"] for words in told), answer
            named += any(address in answer["said"] for address in expected["records"])
        with open_project(root) as workspace:
            holder = current_lock(workspace.registry)
            assert holder is None or holder.gone, answer
        if not goes_on(root, command, expected):
            bad.append(point)
        shutil.rmtree(root)
    assert points > 30
    assert broken or named > few // 3
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
    bad = survived(crash, lambda name: cached(applied, tmp_path / name), ("apply", "--yes"), every=4, broken=True)
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
    (root / "deploy/schedules").write_text("in the way of another\n")
    ended = mvops(root, "apply", "--yes").ok(1)
    assert "FAILED  create endpoint.toy" in ended.out
    told = [line for line in ended.err.splitlines() if line.startswith("error: ")]
    assert ["endpoint.toy" in told[0], "schedule.toy" in told[1]] == [True, True]
    assert ended.err.count("then: mvops apply") == len(told) == 2
    assert query(root, "SELECT count(*) FROM mvops_lock") == [(0,)]
    (root / "deploy/serving").unlink()
    (root / "deploy/schedules").unlink()
    mvops(root, "apply", "--yes").ok()
    mvops(root, "plan", "--detailed-exitcode").ok(0)


def test_a2_a_write_that_fails_is_told_with_its_step_and_the_apply_goes_on(
    crash: Crash, applied: Path, tmp_path: Path
) -> None:
    assert failed(crash, lambda name: cached(applied, tmp_path / name), few=10) == []


def test_a2_a_journal_that_lies_is_caught(crash: Crash, applied: Path, tmp_path: Path) -> None:
    assert failed(crash, lambda name: cached(applied, tmp_path / name), few=3, broken=True)


def test_a1_killed_twice(crash: Crash, applied: Path, tmp_path: Path) -> None:
    """Pairs of points: in the first apply, then in the one that goes on from there."""
    command = ("apply", "--yes")
    whole = cached(applied, tmp_path / "whole")
    points = crash(whole, *command)["points"]
    expected, chance, twice = end(whole), random.Random(4), 0
    for number in range(100 if NIGHTLY else 4):
        root = cached(applied, tmp_path / f"pair{number}")
        first = chance.randint(1, points)
        second = chance.randint(1, points - first + 4)
        assert crash(root, *command, point=first)["code"] == -9
        twice += crash(root, *command, point=second)["code"] == -9
        assert goes_on(root, command, expected), (first, second)
        shutil.rmtree(root)
    assert twice > 2
