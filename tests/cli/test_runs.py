"""Runs in mvops' own registry: what a team without a tracker looks at."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import psutil
import pytest
from toy_project import copy, edit, mvops

from mvops.registry.owner import this_process

pytestmark = pytest.mark.real("trackers", "local", "the registry, by `mvops runs`")


@pytest.fixture(scope="module")
def ran(applied: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy project with a run for the version, one with another parameter, and one that failed."""
    root = copy(applied, tmp_path_factory.mktemp("runs") / "toy")
    mvops(root, "run", "toy", "-p", "C=0.01").ok()
    mvops(root, "run", "toy", "-p", "C=-1").refused()
    return root


def ids(root: Path) -> list[str]:
    """Newest first: failed, by hand, the version's."""
    return [run["id"] for run in mvops(root, "runs", "list", "toy", "--json").ok().json()["runs"]]


def test_the_list_has_status_metrics_and_the_version(ran: Path) -> None:
    failed, by_hand, first = mvops(ran, "runs", "list", "toy").ok().out.splitlines()
    assert "failed" in failed
    assert "succeeded" in by_hand
    assert "roc_auc=" in by_hand
    assert by_hand.endswith("mvops run")
    assert "version 1" in first
    assert "roc_auc=" in first
    assert len(mvops(ran, "runs", "list", "toy", "--limit", 1).ok().out.splitlines()) == 1


def test_a_run_whose_process_is_gone_is_interrupted(ran: Path, tmp_path: Path) -> None:
    root = copy(ran, tmp_path / "toy")
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait(timeout=20)
    for change, status in (({}, "interrupted"), ({"host": "elsewhere"}, "running")):
        runner = json.dumps(asdict(this_process()) | {"pid": gone.pid} | change)
        with contextlib.closing(sqlite3.connect(root / ".mvops/registry.db")) as connection:
            connection.execute(
                "UPDATE mvops_runs SET status = 'running', finished = NULL, body = json_set(body, '$.runner', json(?))"
                " WHERE id = ?",
                (runner, ids(root)[1]),
            )
            connection.commit()
        found = mvops(root, "runs", "list", "toy", "--json").ok().json()["runs"][1]
        assert (found["status"], "runner" in found) == (status, False)
        told = mvops(root, "runs", "show", ids(root)[1]).ok().out
        assert f": {status}, begun by process {gone.pid} on " in told
    mvops(root, "plan", "--detailed-exitcode").ok(0)


def test_a_run_shows_parameters_data_steps_and_error(ran: Path) -> None:
    failed, by_hand, first = ids(ran)
    shown = mvops(ran, "runs", "show", first).ok().out
    for words in ("parameter    C = 1.0", "input        data_path", "step         train", "versions show toy 1"):
        assert words in shown
    assert "parameter    C = 0.01" in mvops(ran, "runs", "show", by_hand[-6:]).ok().out
    assert "  error  " in mvops(ran, "runs", "show", failed).ok().out
    assert mvops(ran, "runs", "show", failed, "--json").ok().json()["status"] == "failed"


def test_the_metrics_of_a_versions_run_are_the_versions(ran: Path) -> None:
    run = mvops(ran, "runs", "show", ids(ran)[-1], "--json").ok().json()
    assert run["metrics"] == mvops(ran, "versions", "show", "toy", 1, "--json").ok().json()["metrics"]


def test_compare_shows_only_what_differs(ran: Path) -> None:
    failed, by_hand, first = ids(ran)
    shown = mvops(ran, "runs", "compare", first, by_hand).ok().out
    for words in ("parameters.C", "1.0000", "0.0100", "metrics.roc_auc"):
        assert words in shown
    assert "data_path" not in shown
    found = mvops(ran, "runs", "compare", first, by_hand, failed, "--json").ok().json()
    assert found["differences"]["parameters.C"] == [1.0, 0.01, -1]
    assert "not set" in mvops(ran, "runs", "compare", first, failed).ok().out
    assert "did the same" in mvops(ran, "runs", "compare", first, first).ok().out


def test_the_notebooks_are_written_and_nobody_elses_file_is_replaced(ran: Path, tmp_path: Path) -> None:
    run = ids(ran)[-1]
    for _ in range(2):
        mvops(ran, "runs", "notebook", run, "--output", tmp_path).ok()
    written = {path.name for path in (tmp_path / "notebooks").iterdir()}
    assert written == {"load.ipynb", "features.ipynb", "train.ipynb", "evaluate.ipynb"}
    executed = json.loads((tmp_path / "notebooks" / "evaluate.ipynb").read_text())
    assert any(cell.get("outputs") for cell in executed["cells"])
    (tmp_path / "notebooks" / "load.ipynb").write_text("mine")
    mvops(ran, "runs", "notebook", run, "--output", tmp_path).refused("load.ipynb is there with other content")
    assert (tmp_path / "notebooks" / "load.ipynb").read_text() == "mine"


def test_a_run_is_a_page_with_its_output_and_the_trace_of_what_failed(ran: Path, tmp_path: Path) -> None:
    """Standing alone: nothing in it runs, and nothing is fetched."""
    root = copy(ran, tmp_path / "toy")
    told = mvops(root, "run", "toy", "-p", "C=-2").refused("failed in cell 5", " --html").err
    command = next(line for line in told.splitlines() if "mvops runs notebook" in line).split(": mvops ")[1]
    [failed] = mvops(root, *command.split(), "--json").ok().json()["files"]
    page = Path(failed).read_text()
    assert Path(failed).parent == root / ".mvops/reports"
    for words in ("<h1>Step load</h1>", "Failed in ", "InvalidParameterError", "Traceback (most recent call last)"):
        assert words in page
    assert "mvops-save" not in page
    assert "<script" not in page
    assert "default-src 'none'" in page
    mvops(root, "runs", "notebook", ids(ran)[-1], "--html", "--step", "evaluate", "-o", tmp_path / "e.html").ok()
    page = (tmp_path / "e.html").read_text()
    assert f"<pre>{shown(root, tmp_path)}</pre>" in page
    assert "Step load" not in page
    mvops(root, "runs", "notebook", ids(ran)[-1]).refused("--output DIR", "--html")
    mvops(root, "runs", "notebook", ids(ran)[-1], "--html", "--step", "x").refused("no step 'x'", "load, features")


@pytest.mark.skipif(sys.platform != "linux", reason="memory is looked at in /proc")
def test_a_step_that_takes_too_much_memory_is_stopped_and_the_run_goes_on_later(applied: Path, tmp_path: Path) -> None:
    root = copy(applied, tmp_path / "toy")
    model = root / "configs/models/toy.yaml"
    edit(model, "  parameters: {C: 1.0}", "  memory: 500MB\n  parameters: {C: 1.0}")
    mvops(root, "plan", "--detailed-exitcode").ok(0)  # neither trained again nor anything else
    large = "large = b'x' * 600_000_000; time.sleep(C if C > 2 else 0)"
    edit(root / "pipelines/toy.ipynb", "while Path(", rf"{large}\nwhile Path(")
    told = mvops(root, "run", "toy", "-p", "C=60").refused("Step 'train' failed in cell 5: it took", "--html").err
    assert re.search(r"it took [567]\d\d MB of memory, and `pipeline.memory` is 500MB\.", told)
    assert [each for each in psutil.process_iter(["cwd"]) if (each.info["cwd"] or "").startswith(str(root))] == []
    failed = mvops(root, "runs", "show", ids(root)[0], "--json").ok().json()
    assert [step["status"] for step in failed["steps"]] == ["cached", "cached", "failed"]
    edit(model, "memory: 500MB", "memory: 2GB")
    told = mvops(root, "run", "toy", "-p", "C=1.5").ok().out
    assert "features         from the cache" in told


def shown(root: Path, place: Path) -> str:
    """What the step `evaluate` of the first run printed."""
    mvops(root, "runs", "notebook", ids(root)[-1], "-o", place / "books", "--step", "evaluate").ok()
    [book] = (place / "books" / "notebooks").iterdir()
    return next(o["text"] for c in json.loads(book.read_text())["cells"] for o in c.get("outputs", []) if "text" in o)


def test_an_id_that_is_no_runs_or_several(ran: Path) -> None:
    mvops(ran, "runs", "show", "nothing").refused("there is no run 'nothing'", "mvops runs list")
    mvops(ran, "runs", "show", "20").refused("runs have '20' in their id", "Type more of it")
    mvops(ran, "runs", "list", "tyo").refused("did you mean 'toy'?")
