"""Two at once, killed, interrupted: one holds the lock, and the next apply ends where an undisturbed one does."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from toy_project import environment, finish, mvops, query, snapshot, spawn, until

pytestmark = pytest.mark.xdist_group("cli-toy")

HOLDER = """
import sys, time
from pathlib import Path
from mvops.registry.database import open_registry
from mvops.registry.lock import hold_lock
with open_registry("sqlite:///.mvops/registry.db", Path(sys.argv[1])) as registry, hold_lock(registry, "retrain toy"):
    print("held", flush=True)
    sys.stdin.read()
"""


def started(root: Path, address: str) -> bool:
    """Has an apply begun with this resource."""
    rows = query(root, "SELECT action FROM mvops_journal WHERE status = 'started'")
    return any(json.loads(row[0])["address"] == address for row in rows)


def end_state(root: Path) -> dict[str, Any]:
    """What the registry and the folder say when all is done, but for times, ids of runs and compiled code."""
    records = {
        address: (json.loads(spec), sorted(json.loads(outputs)))
        for address, spec, outputs in query(root, "SELECT address, spec, outputs FROM mvops_records")
    }
    versions = query(root, "SELECT count(*) FROM mvops_versions")
    champions = [row["role"] for row in mvops(root, "versions", "list", "toy", "--json").json()["versions"]]
    files = {name: digest for name, digest in snapshot(root).items() if name.startswith("deploy/")}
    return {"records": records, "versions": versions, "roles": champions, "files": files}


def kernels(process: psutil.Process) -> list[psutil.Process]:
    return process.children(recursive=True)


@pytest.fixture
def holder(project: Path) -> Any:
    command = [sys.executable, "-c", HOLDER, str(project)]
    with subprocess.Popen(
        command, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.communicate()


def test_a_locked_project_names_the_holder_and_unlock_releases_it(project: Path, holder: Any) -> None:
    before = snapshot(project)
    every = "models.toy.monitor.every=1h"
    refused = mvops(project, "apply", "--yes", every)
    refused.refused("The project is locked by", f"process {holder.pid}", "`retrain toy`", "mvops unlock ")
    assert snapshot(project) == before
    mvops(project, "rollout", "abort", "toy").refused("locked by")
    mvops(project, "plan", "--detailed-exitcode").ok(0)  # looking needs no lock
    assert "held by 'retrain toy'" in mvops(project, "doctor").ok().out
    mvops(project, "unlock", "wrong").refused("The lock is not wrong", f"process {holder.pid}")
    token = refused.err.rpartition("mvops unlock ")[2].strip()
    assert "Released the lock of 'retrain toy'" in mvops(project, "unlock", token).ok().out
    mvops(project, "apply", "--yes", every).ok()


def test_of_two_applies_at_the_same_time_one_wins(fresh: Path) -> None:
    hold = fresh / "data/hold"
    hold.touch()  # the pipeline waits
    first = spawn(fresh, "apply", "--yes")
    second = None
    try:
        until(lambda: started(fresh, "pipeline.toy"), 120)
        second = finish(spawn(fresh, "apply", "--yes"))
        second.refused("The project is locked by", f"process {first.pid}", "`apply`")
    finally:
        hold.unlink()
        won = finish(first)
    won.ok()
    mvops(fresh, "plan", "--detailed-exitcode").ok(0)
    assert query(fresh, "SELECT count(*) FROM mvops_versions") == [(1,)]


@pytest.mark.parametrize("address", ["model.toy", "endpoint.toy"])
def test_an_apply_killed_between_steps_is_taken_up_again(quick: Path, applied: Path, address: str) -> None:
    process = spawn(quick, "apply", "--yes")
    until(lambda: started(quick, address) or process.poll() is not None, 120)
    process.kill()
    finish(process)
    if started(quick, address):  # else it was quicker than we
        shown = mvops(quick, "plan", "--detailed-exitcode").ok(2)
        assert f"note: the last apply was interrupted at {address}; applying goes on from there" in shown.out
        assert f"interrupted at {address}" in mvops(quick, "doctor").ok().out
    mvops(quick, "apply", "--yes").ok()
    settled = mvops(quick, "plan", "--detailed-exitcode").ok(0)
    assert "interrupted" not in settled.out
    assert end_state(quick) == end_state(applied)


def test_an_apply_killed_in_a_cell_leaves_no_kernel_after_the_next(fresh: Path, applied: Path) -> None:
    hold = fresh / "data/hold"
    hold.touch()
    process = spawn(fresh, "apply", "--yes")
    told = until(lambda: "train" in (process.stderr.readline() if process.stderr else ""), 120)
    assert told
    below = kernels(psutil.Process(process.pid))
    assert below
    process.kill()
    finish(process)
    hold.unlink()
    shown = mvops(fresh, "plan").ok()
    assert "interrupted at pipeline.toy" in shown.out
    assert "load      from the cache" in shown.out  # what was finished stays
    mvops(fresh, "apply", "--yes").ok()
    assert end_state(fresh) == end_state(applied)
    psutil.wait_procs(below, timeout=10)
    assert not [p for p in below if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_apply_that_is_interrupted_stops_its_kernels_and_goes_on_later(
    fresh: Path, applied: Path, sent: signal.Signals
) -> None:
    hold = fresh / "data/hold"
    hold.touch()
    process = spawn(fresh, "apply", "--yes")
    assert until(lambda: "train" in (process.stderr.readline() if process.stderr else ""), 120)
    time.sleep(0.3)
    below = kernels(psutil.Process(process.pid))
    assert below
    process.send_signal(sent)
    ended = finish(process, timeout=30)
    assert ended.code == 130
    assert "interrupted; the same command goes on from here" in ended.err
    assert "Traceback" not in ended.err
    psutil.wait_procs(below, timeout=5)
    assert not [p for p in below if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
    assert query(fresh, "SELECT count(*) FROM mvops_lock") == [(0,)]
    hold.unlink()
    mvops(fresh, "apply", "--yes").ok()
    assert end_state(fresh) == end_state(applied)


def test_output_into_a_pipe_that_is_closed(project: Path) -> None:
    command = f"{sys.executable} -m mvops plan --json | head -1"
    done = subprocess.run(command, shell=True, cwd=project, env=environment(), capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("{\n", "")
