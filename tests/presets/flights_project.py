"""A flights project in a cell of the table of presets, and its life: applied, served, fed, looked at."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from toy_project import ROOT, Result, cached, edit, environment, finish, free_port, mvops, port_of, spawn, until

from mvops.loading.load import load_project
from mvops.serving.client import EndpointClient

PLAIN, WITH_FEATURES = "flight_delay", "late_arrival"  # the models of the two examples
DAYS = ("2013-04-01", "2013-04-03")
GIT = ("git", "-c", "user.name=t", "-c", "user.email=t@example.org")


@dataclass
class Flights:
    """A project on disk, in a cell, with one model."""

    root: Path
    cell: str
    model: str

    def do(self, *arguments: object, code: int = 0) -> Result:
        return mvops(self.root, *arguments).ok(code)

    def by_clock(self, *arguments: str) -> None:
        """As the crontab has it, or Airflow."""
        airflow = {"AIRFLOW_CTX_DAG_RUN_ID": "scheduled__2013-04-03T03:00:00+00:00"}
        command = [sys.executable, "-m", "mvops", *arguments]
        with (self.root / ".mvops/schedule.log").open("ab") as log:
            env = environment() | airflow
            subprocess.run(command, cwd=self.root, env=env, stdout=log, stderr=log, check=True)

    def client(self) -> EndpointClient:
        return EndpointClient(f"http://127.0.0.1:{port_of(self.root)}")

    def capabilities(self) -> dict[str, dict[str, Any]]:
        """What `mvops maturity` says of each capability of this cell."""
        found = self.do("maturity", "--json").json()
        return {c["name"]: c for c in found["capabilities"] if c["cell"] == self.cell}


def make(root: Path) -> Path:
    """The example, promoted, applied once so that its steps are in the cache, and under Git; beside it one for DVC."""
    mvops(root.parent, "init", root.name, "--team", "small", "--phase", "day_90", "--example", "flights").ok()
    mvops(root, "promote", f"notebooks/{PLAIN}.ipynb").ok()
    return _applied(root, "data/flights", 4)


def make_with_features(root: Path) -> Path:
    """The same of the example whose model takes features from a store; here it reads a table beside them."""
    mvops(root.parent, "init", root.name, "--team", "large", "--phase", "day_60", "--example", "flights-features").ok()
    notebook, yaml = root / f"notebooks/{WITH_FEATURES}.ipynb", root / f"configs/models/{WITH_FEATURES}.yaml"
    edit(notebook, '"held_out_days = 14"', '"held_out_days = 14\\nweather_path = \\"../data/weather\\""')
    known = 'flights[flights[\\"origin\\"].isin(pd.read_parquet(weather_path)[\\"origin\\"])]'
    edit(notebook, '"print(f\\"{len(flights):,} flights', f'"flights = {known}\\nprint(f\\"{{len(flights):,}} flights')
    edit(yaml, "  parameters: {", "  inputs: {weather_path: data/weather}\n  parameters: {")
    replayed = (ROOT / "templates/examples/flights/replay.py").read_text()
    asked = 'FEATURES = ["carrier", "origin", "distance", "hour", "weekday"]  # the store knows the others'
    (root / "replay.py").write_text(re.sub(r"FEATURES = \[.*\]", asked, replayed))
    return _applied(root, "data/departures", 40)


def _applied(root: Path, rows: str, every: int) -> Path:
    """Of the rows one in `every` is taken, that the machine has less to do."""
    for path in (root / rows).glob("*.parquet"):
        pd.read_parquet(path).iloc[::every].to_parquet(path, index=False)
    edit(root / "configs/project.yaml", "port: 8000", f"port: {free_port()}")
    edit(root / "configs/project.yaml", "hold: 4s, min_predictions: 300", "hold: 1s, min_predictions: 20")
    edit(root / "configs/project.yaml", "latency_p99: 10x", "latency_p99: 100x")  # the slowest of 20, on a busy machine
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    subprocess.run([*GIT, "-C", str(root), "add", "."], check=True)
    subprocess.run([*GIT, "-C", str(root), "commit", "-qm", "promoted"], check=True)
    mvops(root, "apply", "--yes").ok()
    _set_up_dvc(root.with_name("with_dvc"))
    return root


def in_cell(made: Path, root: Path, cell: str) -> Flights:
    """The same before its first apply, with another preset: one line of its YAML."""
    cached(made, root)
    shutil.rmtree(root / ".mvops/features", ignore_errors=True)
    text = root / "configs/project.yaml"
    text.write_text(re.sub(r"preset: \w+/\w+", f"preset: {cell}", text.read_text()))
    edit(text, f"port: {port_of(root)}", f"port: {free_port()}")
    if load_project(root).data.backend == "dvc":
        shutil.copytree(made.with_name("with_dvc"), root, dirs_exist_ok=True)
    subprocess.run([*GIT, "-C", str(root), "commit", "-qam", cell], check=True)
    (model,) = load_project(root).models
    return Flights(root, cell, model)


def _set_up_dvc(root: Path) -> None:
    """What a team does once for DVC; the remote is a folder beside the project, wherever that is."""
    dvc = [sys.executable, "-m", "dvc"]
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    subprocess.run([*dvc, "init", "-q"], cwd=root, check=True)
    subprocess.run([*dvc, "remote", "add", "-q", "-d", "storage", "../storage"], cwd=root, check=True)
    shutil.rmtree(root / ".git")


@contextmanager
def served(project: Flights) -> Iterator[None]:
    """`mvops serve` in the background, until the end."""
    process = spawn(project.root, "serve", project.model)
    try:
        project.client().ready(timeout=180)
        yield
    finally:
        process.terminate()
        ended = finish(process)
    assert ended.code == 0, ended


def replay(project: Flights, *arguments: str) -> dict[str, Any]:
    """Real flights over HTTP; what the replay counted."""
    done = subprocess.run(
        _replay(project, "counted.json", *arguments), cwd=project.root, env=environment(), check=False
    )
    assert done.returncode == 0
    counted: dict[str, Any] = json.loads((project.root / ".mvops/counted.json").read_text())
    return counted


@contextmanager
def traffic(project: Flights) -> Iterator[None]:
    """Flights without end while something is done; none of the requests may fail."""
    repeated = ("--since", "2013-08-01", "--until", "2013-08-02", "--repeat", "600", "--batch", "20", "--threads", "1")
    before = _answered(project)
    process = subprocess.Popen(_replay(project, "rush.json", "--quiet", *repeated), cwd=project.root, env=environment())
    try:
        until(lambda: _answered(project) > before)
        yield
    finally:
        process.terminate()
        process.wait(timeout=60)
    assert json.loads((project.root / ".mvops/rush.json").read_text())["failures"] == 0


def _answered(project: Flights) -> float:
    """Predictions that the endpoint has given since it started."""
    told = project.client().metrics().splitlines()
    return sum(float(line.split()[-1]) for line in told if line.startswith("mvops_predictions_total{"))


def _replay(project: Flights, summary: str, *arguments: str) -> list[str]:
    url = f"http://127.0.0.1:{port_of(project.root)}"
    return [sys.executable, "replay.py", "--url", url, "--summary", f".mvops/{summary}", *arguments]
