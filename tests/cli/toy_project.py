"""A small project, the ways to run mvops on it, and what to look at afterwards."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import nbformat
import numpy as np
import pandas as pd
from nbformat.v4 import new_code_cell, new_notebook

from mvops.cli.app import main
from mvops.cli.session import SESSION
from mvops.core.prediction import Prediction
from mvops.registry.predictions import PredictionLog

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "mvops")
YAML = """
pipeline:
  notebook: pipelines/toy.ipynb
  inputs: {data_path: data/d.csv}
  parameters: {C: 1.0}
  outputs: {model: model, features: X_test, target: y_test, train_features: X_train, times: test_times}
evaluate: {task: classification, metrics: [roc_auc, log_loss]}
gate: [roc_auc >= 0.6, roc_auc >= champion - 0.05]
rollout: {hold: 1s, min_predictions: 20, abort: {latency_p99: 100x, error_rate: 0.2}}
monitor: {every: 1d, false_alarms: 1 per 30d, outcomes: {delay: 1d}, alerts: [ops]}
retrain: {cooldown: 1s}
"""
CELLS: dict[str, tuple[str, ...]] = {
    """
    data_path = "../data/d.csv"
    C = 1.0
    """: ("parameters",),
    """
    import time
    from pathlib import Path

    import pandas as pd
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler
    """: ("setup",),
    """
    df = pd.read_csv(data_path)
    times = pd.Timestamp("2024-01-01") + pd.to_timedelta(df.day, unit="D")
    """: ("step:load",),
    """
    columns = ["age", "income", "region"]
    train = df.day < df.day.max() - 19
    X_train, y_train = df.loc[train, columns], df.loc[train, "y"]
    X_test, y_test = df.loc[~train, columns], df.loc[~train, "y"]
    test_times = times[~train]
    """: ("step:features",),
    """
    while Path(data_path).with_name("hold").exists():
        time.sleep(0.02)
    encoded = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["region"]), remainder=StandardScaler()
    )
    model = make_pipeline(encoded, LogisticRegression(C=C)).fit(X_train, y_train)
    """: ("step:train",),
    """
    print(roc_auc_score(y_test, model.predict_proba(X_test)[:, 1]))
    """: ("step:evaluate",),
}


@dataclass(frozen=True)
class Result:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str

    def json(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.out)
        assert value["format_version"] == 1
        return value

    def ok(self, code: int = 0) -> Result:
        assert self.code == code, self
        return self

    def refused(self, *said: str, code: int = 1) -> Result:
        """One clear message on standard error, no trace."""
        assert self.code == code, self
        assert "Traceback" not in self.err, self
        assert sum(line.startswith("error: ") for line in self.err.splitlines()) == 1, self
        for words in said:
            assert words in self.err, f"{words!r} not in {self.err}"
        return self


def mvops(root: Path, *arguments: object) -> Result:
    """Run a command in this process, as if typed in `root`."""
    out, err = io.StringIO(), io.StringIO()
    SESSION.directory, SESSION.quiet, SESSION.debug = Path(), False, False
    with (
        contextlib.chdir(root),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        mock.patch.object(sys, "argv", ["mvops", *map(str, arguments)]),
        mock.patch("mvops.cli.interrupts.listen"),  # this process is pytest's
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code
    assert isinstance(code, int)
    return Result(code, out.getvalue(), err.getvalue())


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


def spawn(root: Path, *arguments: object, command: Iterable[str] = COMMAND) -> subprocess.Popen[str]:
    """Start a command in a process of its own."""
    return subprocess.Popen(
        [*command, *map(str, arguments)],
        cwd=root,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str], timeout: float = 300) -> Result:
    """Wait for a command's end, at most `timeout` seconds."""
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    return Result(process.returncode, out, err)


def typed(root: Path, *arguments: object, command: Iterable[str] = COMMAND) -> Result:
    """Run a command in a process of its own, to its end."""
    return finish(spawn(root, *arguments, command=command))


def until(condition: Callable[[], Any], timeout: float = 120) -> Any:
    """Wait for `condition`, and return what it says."""
    deadline = time.monotonic() + timeout
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.005)
    return found


def logged(root: Path) -> None:
    """Three predictions in the log, on the first days of March, called 1, 2 and 3."""
    made = [
        Prediction(
            id=str(day),
            time=datetime(2024, 3, day, tzinfo=UTC),
            model="toy",
            version=1,
            arm="champion",
            inputs={"age": 40.0 + day, "income": 30000.0, "region": "a"},
            prediction=1,
            probability=None,
            latency_ms=1.0,
        )
        for day in (1, 2, 3)
    ]
    with PredictionLog.open("sqlite:///.mvops/predictions.db", root) as log:
        log.append(made)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def rows(days: range, seed: int = 0) -> pd.DataFrame:
    """A hundred rows for each day, with y."""
    random = np.random.default_rng(seed)
    n = 100 * len(days)
    frame = pd.DataFrame(
        {
            "age": random.normal(40, 12, n).round(1),
            "income": random.lognormal(10, 0.5, n).round(0),
            "region": random.choice(list("abcd"), n),
            "day": np.repeat(np.asarray(days), 100),
        }
    )
    chance = 1 / (1 + np.exp(-((frame.age - 40) / 10 + (frame.region == "a"))))
    frame["y"] = (random.random(n) < chance) * 1
    return frame


def write_notebook(path: Path, cells: dict[str, tuple[str, ...]]) -> None:
    made = []
    for number, (source, tags) in enumerate(cells.items()):
        cell = new_code_cell(textwrap.dedent(source).strip(), id=f"cell-{number}")
        if tags:
            cell.metadata["tags"] = list(tags)
        made.append(cell)
    book = new_notebook(cells=made)
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(book, path)


def make_toy(root: Path) -> Path:
    """`mvops init`, then a notebook that was tagged by hand, its data and its YAML."""
    mvops(root.parent, "init", root.name, "--team", "small", "--phase", "day_90", "--port", free_port()).ok()
    write_notebook(root / "pipelines" / "toy.ipynb", CELLS)
    (root / "configs" / "models" / "toy.yaml").write_text(YAML)
    rows(range(60)).to_csv(root / "data" / "d.csv", index=False)
    return root


def copy(source: Path, target: Path) -> Path:
    """A project like `source`."""
    return Path(shutil.copytree(source, target))


def cached(source: Path, target: Path) -> Path:
    """A project like `source` before its first apply, but that its pipeline's steps are in the cache."""
    copy(source, target)
    shutil.rmtree(target / "deploy")
    for path in (target / ".mvops").glob("registry.db*"):
        path.unlink()
    for name in ("predictions.db", "serving", "runs"):
        path = target / ".mvops" / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    return target


def port_of(root: Path) -> int:
    text = (root / "configs" / "project.yaml").read_text()
    return int(text.rpartition("port: ")[2].partition("}")[0])


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def snapshot(root: Path) -> dict[str, str]:
    """Every file of the project that a person would look at, and what the registry counts."""
    files = (p for p in root.rglob("*") if p.is_file() and ".mvops" not in p.parts)
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files} | counted(root)


def counted(root: Path) -> dict[str, str]:
    """Rows of the registry's tables that a refused command must not change, and the artefacts."""
    artifacts = root / ".mvops" / "artifacts"
    found = {"artifacts": str(sum(p.is_file() for p in artifacts.rglob("*")))}
    for table in ("mvops_records", "mvops_versions", "mvops_lock"):
        found[table] = str(query(root, f"SELECT count(*) FROM {table}"))
    return found


def query(root: Path, sql: str) -> list[tuple[Any, ...]]:
    """Ask the SQLite registry; nothing where it is not there yet."""
    path = root / ".mvops" / "registry.db"
    if not path.exists():
        return []
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as connection:
        try:
            return connection.execute(sql).fetchall()
        except sqlite3.DatabaseError:
            return []
