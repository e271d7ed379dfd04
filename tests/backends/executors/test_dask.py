"""Dask through the command line: a cluster that is there, one for a run, and what becomes of a run when it breaks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import toy_project as toy
from dask_cluster import Cluster, cluster
from separate import BOOKS, make_separate
from toy_project import finish, mvops, query, typed, until

pytestmark = [pytest.mark.system, pytest.mark.long(minutes=3), pytest.mark.xdist_group("dask")]
pytest.importorskip("distributed", reason="needs dask[distributed]")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy project before its first apply. Only to be copied."""
    return toy.make_toy(tmp_path_factory.mktemp("built") / "toy")


@pytest.fixture
def project(built: Path, tmp_path: Path) -> Path:
    return toy.copy(built, tmp_path / "toy")


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("dask")) as found:
        yield found


def choose(root: Path, section: str) -> None:
    """Write the section `executor` anew."""
    path = root / "configs" / "project.yaml"
    lines = [line for line in path.read_text().splitlines() if not line.startswith("executor:")]
    path.write_text("\n".join([*lines, f"executor: {section}", ""]))


def steps(root: Path) -> list[dict[str, Any]]:
    ((body,), *_) = query(root, "SELECT body FROM mvops_runs ORDER BY id DESC")
    found: list[dict[str, Any]] = json.loads(body)["steps"]
    return found


@pytest.mark.real("executors", "dask", "a project through the command line")
def test_a_model_is_made_on_a_cluster_and_the_plan_does_not_care(project: Path, real: Cluster) -> None:
    choose(project, f'{{backend: dask, options: {{address: "{real.address}"}}}}')
    typed(project, "apply", "--yes").ok()
    mvops(project, "plan", "--detailed-exitcode").ok(0)
    assert query(project, "SELECT count(*) FROM mvops_versions") == [(1,)]
    for other in ("{backend: local}", "{backend: dask, options: {workers: 1}}"):
        choose(project, other)
        mvops(project, "plan", "--detailed-exitcode").ok(0)
    # What the cluster made is in the cache for everybody: no kernel and no cluster is started.
    began = time.monotonic()
    assert "from the cache" in mvops(project, "run", "toy").ok().out
    assert time.monotonic() - began < 30
    assert not list((project / ".mvops" / "runs").glob("run-*"))


def test_the_notebooks_of_a_pipeline_hand_on_files_on_a_cluster(tmp_path: Path, real: Cluster) -> None:
    project = make_separate(tmp_path / "several")
    mvops(project, "promote", *BOOKS, "--name", "toy").ok()
    choose(project, f'{{backend: dask, options: {{address: "{real.address}"}}}}')
    typed(project, "run", "toy").ok()
    assert {step["status"] for step in steps(project)} == {"succeeded"}
    assert "from the cache" in mvops(project, "run", "toy").ok().out


@pytest.mark.real("executors", "dask", "a cluster on this machine for one run")
def test_a_cluster_of_its_own_goes_with_the_run(project: Path) -> None:
    choose(project, "{backend: dask, options: {workers: 1}}")
    finish(toy.spawn(project, "run", "toy")).ok()
    assert not [p for p in psutil.process_iter() if _works_in(p, project)]


def test_an_interrupt_leaves_no_process_behind(project: Path) -> None:
    (project / "data" / "hold").touch()
    choose(project, "{backend: dask, options: {workers: 1}}")
    process = subprocess.Popen(
        [*toy.COMMAND, "run", "toy"],
        cwd=project,
        env=toy.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    until(lambda: list((project / ".mvops" / "runs").glob("run-*/train-*")))
    family = [process.pid, *(child.pid for child in psutil.Process(process.pid).children(recursive=True))]
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
    stopped = finish(process, 90)
    assert stopped.code == 130, stopped
    assert "Traceback" not in stopped.err
    until(lambda: not [pid for pid in family if psutil.pid_exists(pid)], 30)
    assert not list((project / ".mvops" / "runs").glob("run-*"))
    (project / "data" / "hold").unlink()
    finish(toy.spawn(project, "run", "toy")).ok()


def test_a_cluster_that_is_not_there_fails_the_run_and_nothing_else(project: Path) -> None:
    choose(project, '{backend: dask, options: {address: "tcp://127.0.0.1:1"}}')
    mvops(project, "apply", "--yes").refused("tcp://127.0.0.1:1", "dask scheduler", "executor.options")
    assert query(project, "SELECT count(*) FROM mvops_versions") == [(0,)]
    assert query(project, "SELECT status FROM mvops_runs") == [("failed",)]


def test_a_scheduler_that_dies_fails_the_run_and_apply_goes_on_when_it_is_back(project: Path, tmp_path: Path) -> None:
    (project / "data" / "hold").touch()
    with cluster(tmp_path, workers=1) as breaking:
        address = breaking.address
        choose(project, f'{{backend: dask, options: {{address: "{address}"}}}}')
        process = toy.spawn(project, "apply", "--yes")
        until(lambda: list((project / ".mvops" / "runs").glob("run-*/train-*")))
        breaking.processes["scheduler"].kill()
        failed = finish(process, 120).refused(address, "run the same command again")
        assert "train" not in [step["step"] for step in steps(project)], failed
        assert query(project, "SELECT count(*) FROM mvops_versions") == [(0,)]
        (project / "data" / "hold").unlink()
        breaking.end("worker-0")
        breaking.end("scheduler")
        breaking.scheduler(int(address.rpartition(":")[2]))
        breaking.worker("again")
        breaking.ready("again")
        typed(project, "apply", "--yes").ok()
    assert [step["status"] for step in steps(project)] == ["cached", "cached", "succeeded", "succeeded"]
    mvops(project, "plan", "--detailed-exitcode").ok(0)


def test_a_cluster_without_workers_is_given_up(project: Path, tmp_path: Path) -> None:
    with cluster(tmp_path, workers=1) as breaking:
        (project / "data" / "hold").touch()
        choose(project, f'{{backend: dask, options: {{address: "{breaking.address}"}}}}')
        process = toy.spawn(project, "run", "toy")
        until(lambda: list((project / ".mvops" / "runs").glob("run-*/train-*")))
        breaking.end("worker-0")
        finish(process, 120).refused("has had no worker for 20 seconds")


def test_a_worker_with_other_packages_is_named_with_what_it_lacks(project: Path, tmp_path: Path) -> None:
    odd = tmp_path / "odd" / "scikit_learn-0.1.dist-info"  # a release that the worker finds first
    odd.mkdir(parents=True)
    (odd / "METADATA").write_text("Metadata-Version: 2.1\nName: scikit-learn\nVersion: 0.1\n")
    with cluster(tmp_path, workers=0) as strange:
        strange.worker("odd", PYTHONPATH=f"{odd.parent}{os.pathsep}{toy.ROOT}")
        strange.ready("odd")
        choose(project, f'{{backend: dask, options: {{address: "{strange.address}"}}}}')
        mvops(project, "run", "toy").refused("tcp://127.0.0.1", "it has scikit-learn 0.1", "same Python and packages")


def _works_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.pid != os.getpid() and Path(process.cwd()).is_relative_to(folder)
    except (psutil.Error, OSError):
        return False
