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
from test_confirming import typed_in
from toy_project import COMMAND, Result, cached, copy, edit, environment, finish, mvops, query, snapshot, spawn, until

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
    """What the registry and the folder say when all is done, but for times and ids of runs."""
    records = {
        address: (json.loads(spec), sorted(json.loads(outputs)))
        for address, spec, outputs in query(root, "SELECT address, spec, outputs FROM mvops_records")
    }
    versions = query(root, "SELECT count(*) FROM mvops_versions")
    champions = [row["role"] for row in mvops(root, "versions", "list", "toy", "--json").json()["versions"]]
    files = {name: digest for name, digest in snapshot(root).items() if name.startswith("deploy/")}
    return {"records": records, "versions": versions, "roles": champions, "files": files}


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


def test_p23_a_locked_project_names_the_holder_and_unlock_releases_it(project: Path, holder: Any) -> None:
    before = snapshot(project)
    every = "models.toy.monitor.every=1h"
    refused = mvops(project, "apply", "--yes", every)
    refused.refused("The project is locked by", f"process {holder.pid}", "`retrain toy`", "mvops unlock ")
    assert "Wait for it, as with --lock-timeout 10m. If" in refused.err
    assert snapshot(project) == before
    mvops(project, "rollout", "abort", "toy").refused("locked by", "Wait for it. If")
    mvops(project, "plan", "--detailed-exitcode").ok(0)  # looking needs no lock
    assert "held by 'retrain toy'" in mvops(project, "doctor").ok().out
    mvops(project, "unlock", "wrong").refused("The lock is not wrong", f"process {holder.pid}")
    token = refused.err.rpartition("mvops unlock ")[2].strip()
    alive, still = f"process {holder.pid} is alive (retrain toy, since ", f"mvops unlock {token} --force"
    mvops(project, "unlock", token).refused(alive, "end it: the next command takes the lock over", still)
    holder.send_signal(signal.SIGSTOP)
    no = typed_in(project, "n", "unlock", token)
    holder.send_signal(signal.SIGCONT)
    assert (no.code, alive in no.out) == (1, True)
    mvops(project, "unlock", "wrong").refused(f"but {token}")  # nothing was released so far
    assert "Released the lock of 'retrain toy'" in typed_in(project, "y", "unlock", token).ok().out
    mvops(project, "apply", "--yes", every).ok()


def test_p23_an_apply_may_wait_for_the_lock(project: Path, holder: Any) -> None:
    hourly = ("apply", "--yes", "models.toy.monitor.every=1h", "--lock-timeout")
    mvops(project, *hourly, "0.2s").refused("The project is locked by", f"process {holder.pid}")
    mvops(project, *hourly, "a while").refused("--lock-timeout: 'a while' is not a duration")
    waiting = spawn(project, *hourly, "60s")
    time.sleep(1)
    assert waiting.poll() is None
    holder.terminate()
    assert "ok      update monitor.toy" in finish(waiting).ok().out


@pytest.fixture(scope="module")
def waiting(applied: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project before its first apply, whose training waits while `data/hold` is there. Only to be copied."""
    root = cached(applied, tmp_path_factory.mktemp("waiting") / "toy")
    edit(root / "configs/models/toy.yaml", "C: 1.0", "C: 2.0")
    (root / "data/hold").touch()
    return root


@pytest.fixture(scope="module")
def race(waiting: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Result, Result, Path]:
    """Two applies at the same time: the first one's process, what it and the second said, and the project."""
    root = copy(waiting, tmp_path_factory.mktemp("race") / "toy")
    first = spawn(root, "apply", "--yes")
    try:
        until(lambda: started(root, "pipeline.toy"))
        second = finish(spawn(root, "apply", "--yes"))
    finally:
        (root / "data/hold").unlink()
        won = finish(first)
    return first.pid, won, second, root


def test_p25_a4_of_two_applies_at_the_same_time_one_wins(race: tuple[int, Result, Result, Path]) -> None:
    pid, first, second, root = race
    first.ok()
    second.refused("The project is locked by", f"process {pid}", "`apply`")
    mvops(root, "plan", "--detailed-exitcode").ok(0)
    assert query(root, "SELECT count(*) FROM mvops_versions") == [(1,)]


def _interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_p39_where_nothing_is_left_to_do_nothing_is_told_as_interrupted(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The YAML went back meanwhile."""

    with monkeypatch.context() as patch:
        patch.setattr("mvops.registry.journal.SqlJournal.finished", _interrupted)
        mvops(project, "apply", "--yes", "models.toy.monitor.every=1h")
    assert started(project, "monitor.toy")
    hourly = mvops(project, "plan", "models.toy.monitor.every=1h").ok().out
    assert "the last apply was interrupted at monitor.toy; applying goes on from there" in hourly
    daily = mvops(project, "plan").ok().out
    assert "Nothing to do" in daily
    assert "interrupted" not in daily
    narrow = mvops(project, "plan", "--target", "dataset.data").ok().out
    assert "the last apply was interrupted at monitor.toy, which is left out here" in narrow


def test_p27_p39_what_was_to_be_made_again_and_was_interrupted_is_told(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("mvops.usecases.apply.perform", _interrupted)
        mvops(project, "apply", "--yes", "--replace", "model.toy")
    assert started(project, "pipeline.toy")
    told = "note: the last apply was interrupted at pipeline.toy, "
    shown = mvops(project, "plan").ok().out
    again = (
        "which it was to make again as it was asked to; no plan does so by itself. To have it made again: mvops apply"
    )
    assert f"{told}{again} --replace model.toy\n" in shown
    assert "Nothing to do" in shown
    replaced = mvops(project, "plan", "--replace", "model.toy").ok().out
    assert f"{told[:-2]}; applying goes on from there" in replaced
    mvops(project, "apply", "--yes").ok()
    assert "interrupted" not in mvops(project, "plan").ok().out, "somebody was told, and went on without it"


@pytest.mark.parametrize("address", ["model.toy", "endpoint.toy"])
def test_a1_an_apply_killed_between_steps_is_taken_up_again(quick: Path, applied: Path, address: str) -> None:
    process = spawn(quick, "apply", "--yes")
    until(lambda: started(quick, address) or process.poll() is not None)
    process.kill()
    finish(process)
    if started(quick, address):  # else it was quicker than we
        shown = mvops(quick, "plan", "--detailed-exitcode").ok(2)
        assert f"note: the last apply was interrupted at {address}; applying goes on from there" in shown.out
        assert f"interrupted at {address}" in mvops(quick, "doctor").ok().out
        mvops(quick, "unlock", "wrong").refused("which is dead", "the next command takes the lock over by itself")
    mvops(quick, "apply", "--yes").ok()
    settled = mvops(quick, "plan", "--detailed-exitcode").ok(0)
    assert "interrupted" not in settled.out
    assert end_state(quick) == end_state(applied)


HEARING = ("env", "--default-signal=HUP", *COMMAND)  # under nohup a lost terminal would be nothing


def in_a_cell(root: Path, command: tuple[str, ...] = (*HEARING, "apply", "--yes")) -> subprocess.Popen[str]:
    """An apply whose training runs."""
    process = spawn(root, command=command)
    assert process.stderr is not None
    while "train" not in (line := process.stderr.readline()):
        assert line, finish(process)
    time.sleep(0.3)
    return process


def stopped_in_a_cell(root: Path, sent: signal.Signals) -> tuple[Result, list[psutil.Process]]:
    """An apply that gets a signal while its training runs, and the processes that it had started.

    Of Ctrl-C it gets two: the first lets it end the step, which takes for ever here.
    """
    process = in_a_cell(root)
    below = psutil.Process(process.pid).children(recursive=True)
    assert below
    if sent is signal.SIGINT:
        first_of_two(process)
    process.send_signal(sent)
    return finish(process, timeout=60), below


def first_of_two(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    while "stopping after this step; Ctrl-C again stops at once" not in (line := process.stderr.readline()):
        assert line, finish(process)
    time.sleep(0.3)
    assert process.poll() is None


def left(processes: list[psutil.Process]) -> list[psutil.Process]:
    psutil.wait_procs(processes, timeout=10)
    return [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.system
def test_a3_an_apply_stopped_in_a_cell_ends_later_where_an_undisturbed_one_does(
    waiting: Path, race: tuple[int, Result, Result, Path], tmp_path: Path
) -> None:
    root = copy(waiting, tmp_path / "toy")
    for sent in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        ended, below = stopped_in_a_cell(root, sent)
        assert ended.code == 130
        assert "interrupted; nothing is half-written: type the same command again" in ended.err
        assert "Traceback" not in ended.err
        assert not left(below)
        assert query(root, "SELECT count(*) FROM mvops_lock") == [(0,)]
    at_work = in_a_cell(root)
    assert "is at work on pipeline.toy" in mvops(root, "plan").ok().out
    at_work.send_signal(signal.SIGTERM)
    finish(at_work)
    ended, below = stopped_in_a_cell(root, signal.SIGKILL)
    assert ended.code == -signal.SIGKILL
    (root / "data/hold").unlink()
    shown = mvops(root, "plan", "--detailed-exitcode").ok(2)
    assert "note: the last apply was interrupted at pipeline.toy; applying goes on from there" in shown.out
    assert "load      from the cache" in shown.out
    (root / "data/hold").touch()
    last = in_a_cell(root)
    first_of_two(last)
    (root / "data/hold").unlink()
    assert finish(last, timeout=60).code == 130
    shown = mvops(root, "plan").ok()
    assert "train     from the cache" in shown.out, "the step was ended, and what it made is kept"
    assert "evaluate  from the cache" not in shown.out
    assert query(root, "SELECT count(*) FROM mvops_lock") == [(0,)]
    mvops(root, "apply", "--yes").ok()
    assert "interrupted" not in mvops(root, "plan", "--detailed-exitcode").ok(0).out
    assert end_state(root) == end_state(race[3])
    assert not left(below)  # the next run clears away what a killed one left


@pytest.mark.parametrize("sent", ["SIGINT", "SIGTERM"])
def test_an_interrupt_is_not_lost_while_memory_is_tidied_up(sent: str) -> None:
    program = (
        "import os, signal, time\n"
        "from mvops.cli import interrupts\n"
        "interrupts.listen()\n"
        "class Rubbish:\n"
        "    def __del__(self):\n"
        f"        os.kill(os.getpid(), signal.{sent})\n"
        "        time.sleep(0.2)\n"
        "try:\n"
        "    Rubbish()\n"
        "    time.sleep(20)\n"
        "except KeyboardInterrupt:\n"
        "    print('heard')\n"
    )
    heard = subprocess.run(
        [sys.executable, "-c", program], env=environment(), capture_output=True, text=True, timeout=30, check=True
    )
    assert (heard.stdout, heard.stderr) == ("heard\n", "")


def test_output_into_a_pipe_that_is_closed(project: Path) -> None:
    command = f"{sys.executable} -m mvops plan --json | head -1"
    done = subprocess.run(
        command, shell=True, cwd=project, env=environment(), capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("{\n", "")


FROZEN = """
import sys
from mvops.registry import lock
wait, lease = lock.hold_lock.__wrapped__.__defaults__
lock.hold_lock.__wrapped__.__defaults__ = (wait, 3.0)
from mvops.cli.app import main
sys.argv = ["mvops", "apply", "--yes"]
main()
"""


@pytest.mark.system
def test_a5_a_frozen_apply_keeps_its_lock_for_its_lease_and_can_write_no_more(
    waiting: Path, applied: Path, tmp_path: Path
) -> None:
    root = copy(waiting, tmp_path / "toy")
    frozen = in_a_cell(root, command=(sys.executable, "-c", FROZEN))
    below = psutil.Process(frozen.pid).children(recursive=True)
    frozen.send_signal(signal.SIGSTOP)
    try:
        mvops(root, "apply", "--yes").refused("The project is locked by", f"process {frozen.pid}")
        (root / "data/hold").unlink()
        mvops(root, "apply", "--yes", "--lock-timeout", "60s").ok()
        before = end_state(root)
    finally:
        frozen.send_signal(signal.SIGCONT)
    woken = finish(frozen, timeout=60)
    assert woken.code == 1
    assert "This command lost the project's lock" in woken.err
    assert end_state(root) == before
    mvops(root, "plan", "--detailed-exitcode").ok(0)
    assert not left(below)
