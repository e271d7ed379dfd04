"""The registry on SQLite beside MLflow's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from statistics import median

from measure import Row, Table
from registry_work import MANY

HERE = Path(__file__).parent
_ROUNDS = 5
_OPERATIONS = {  # what it is, how often in a round, how many times faster than MLflow it must be
    "log": ("keep a model's bytes and register a version", 5, 15),
    "register": ("register a version", 10, None),
    "move": ("make a version the champion", 20, 5),
    "resolve": ("find the champion", 50, 7),
    "list_short": ("list all of 100 versions", 10, 3),
    "list_long": (f"list all of {MANY:,} versions", 3, 3),
}


def table(folder: Path) -> Table:
    """The operations in turns, each side in a process of its own that has everything imported."""
    pythons = {"mvops": Path(sys.executable)}
    peer = os.environ.get("MVOPS_BENCH_MLFLOW")
    if peer:
        pythons["mlflow"] = Path(peer)
    workers = {name: _Worker(python, name, folder / name) for name, python in pythons.items()}
    try:
        found = _measured(workers)
    finally:
        for worker in workers.values():
            worker.close()
    return Table(
        title="Registry",
        about="One process on each side, SQLite, and everything on the disk when a call returns (mvops: WAL and "
        "`synchronous = FULL`). MLflow is asked in-process, not through its server, and logs models with "
        "`pip_requirements` given, which spares it looking for them.",
        heads=("what", "mvops, ms", "MLflow, ms", "MLflow / mvops"),
        rows=[_row(operation, found) for operation in _OPERATIONS],
        notes=[] if peer else ["MLflow's environment is not on this machine, so its column is left out."],
        versions={"MLflow": _version(Path(peer))} if peer else {"SQLModel": version("sqlmodel")},
    )


class _Worker:
    """A process that does what its standard input names, and says how long it took."""

    def __init__(self, python: Path, name: str, folder: Path) -> None:
        folder.mkdir()
        self._process = subprocess.Popen(
            [python, HERE / f"registry_{name}.py", folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "MLFLOW_DISABLE_TELEMETRY": "true"},
        )
        self._answer()

    def do(self, operation: str) -> float:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{operation}\n")
        self._process.stdin.flush()
        return float(json.loads(self._answer()))

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)

    def _answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args} ended")
        return line


def _measured(workers: Mapping[str, _Worker]) -> dict[tuple[str, str], float]:
    """(operation, side) -> the median in milliseconds."""
    times: dict[tuple[str, str], list[float]] = {}
    for _ in range(_ROUNDS):
        for operation, (_, often, _) in _OPERATIONS.items():
            for side, worker in workers.items():
                times.setdefault((operation, side), []).extend(worker.do(operation) for _ in range(often))
    return {which: 1000 * median(seconds) for which, seconds in times.items()}


def _row(operation: str, found: Mapping[tuple[str, str], float]) -> Row:
    what, _, bar = _OPERATIONS[operation]
    ours, theirs = found[operation, "mvops"], found.get((operation, "mlflow"))
    if theirs is None:
        return Row((what, f"{ours:.2f}", "", ""))
    cells = (what, f"{ours:.2f}", f"{theirs:.2f}", f"{theirs / ours:.1f}")
    return Row(cells, f"at least {bar}", theirs / ours >= bar) if bar else Row(cells)


def _version(python: Path) -> str:
    said = subprocess.run(
        [python, "-c", "from importlib.metadata import version; print(version('mlflow'))"],
        capture_output=True,
        check=True,
        text=True,
    )
    return said.stdout.strip()
