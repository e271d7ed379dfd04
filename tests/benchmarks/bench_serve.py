"""Endpoints side by side: mvops, what a team would pick, and what the server can do at most."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import NamedTuple, Self

from measure import Row, Table

HERE = Path(__file__).parent
_ROUNDS = 2
_SECONDS = 1  # of asking, for each figure; `wrk` takes whole ones
_STARTING = 120.0  # seconds


class Cell(NamedTuple):
    """What is asked, and how many times the peers' requests per second mvops has to answer."""

    kind: str
    rows: int
    clients: int
    mlflow: float | None = None
    bentoml: float | None = None


CELLS = (
    Cell("forest", 1, 1, 12),
    Cell("forest", 1, 8, 40),
    Cell("forest", 1, 64, 40, 5),
    Cell("forest", 100, 1, 7),
    Cell("forest", 100, 8, 7),
    Cell("forest", 100, 64, 7, 1.6),
    Cell("logistic", 1, 1),
    Cell("logistic", 1, 8, 20, 5),
)


@dataclass(frozen=True)
class System:
    """A server: its command, to which FOLDER KIND PORT come, or that has them in its environment; what it is sent."""

    name: str
    python: Path
    script: str
    options: tuple[str, ...] = ()
    path: str = "/predict"
    key: str = "rows"


class Figure(NamedTuple):
    rate: float
    p99: float


def table(folder: Path) -> Table:
    """A server at a time; with the next round each has its turn again."""
    systems = list(_systems())
    _made(folder)
    found: dict[tuple[str, Cell], list[Figure]] = {}
    memory: dict[str, float] = {}
    for _ in range(_ROUNDS):
        for system in systems:
            for kind in dict.fromkeys(cell.kind for cell in CELLS):
                with _Server(system, folder, kind) as server:
                    for cell in (cell for cell in CELLS if cell.kind == kind and not _left_out(system, cell)):
                        found.setdefault((system.name, cell), []).append(server.asked(cell))
                    if kind == "forest":
                        memory[system.name] = server.megabytes()
    medians = {at: Figure(*map(median, zip(*figures, strict=True))) for at, figures in found.items()}
    return _table(medians, memory, systems)


def _systems() -> Iterator[System]:
    here = Path(sys.executable)
    yield System("mvops", here, "serve_mvops.py", ("durable",))
    yield System("unlogged", here, "serve_mvops.py", ("unlogged",))
    yield System("estimator", here, "serve_mvops.py", ("estimator",))
    yield System("tutorial", here, "serve_tutorial.py")
    yield System("echo", here, "serve_tutorial.py")
    if mlflow := os.environ.get("MVOPS_BENCH_MLFLOW"):
        yield System("mlflow", Path(mlflow), "serve_mlflow.py", (), "/invocations", "dataframe_records")
    if bentoml := os.environ.get("MVOPS_BENCH_BENTOML"):
        yield System("bentoml", Path(bentoml), "")


def _left_out(system: System, cell: Cell) -> bool:
    """What no bar and no column speaks of takes no time."""
    return system.name == "estimator" and (cell.kind, cell.rows) != ("forest", 1)


def _made(folder: Path) -> None:
    subprocess.run([sys.executable, HERE / "serve_work.py", folder], check=True)
    for kind in ("forest", "logistic"):
        subprocess.run([sys.executable, HERE / "serve_mvops.py", folder, kind, "0", "make"], check=True)
    rows = json.loads((folder / "rows.json").read_text())
    for key in ("rows", "dataframe_records"):
        for many in (1, 100):
            (folder / f"{key}-{many}.json").write_text(json.dumps({key: rows[:many]}))


class _Server:
    """On a core of its own, where there are two; who asks has the other."""

    def __init__(self, system: System, folder: Path, kind: str) -> None:
        self._system, self._folder, self._warm = system, folder, False
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        kind = "echo" if system.name == "echo" else kind
        bento = ["-m", "bentoml", "serve", "serve_bentoml:Model", "--host", "127.0.0.1", "--port", self._port]
        own = [HERE / system.script, folder, kind, self._port, *system.options]
        told = {"BENCH_FOLDER": str(folder), "BENCH_KIND": kind, "BENTOML_DO_NOT_TRACK": "True"}
        quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        command = [*_pinned(0), system.python, *(own if system.script else bento)]
        with (folder / f"{system.name}.txt").open("wb") as said:
            self._process = subprocess.Popen(
                [str(word) for word in command],
                cwd=HERE,
                env={**os.environ, **told, **quiet, "BENTOML_HOME": str(folder / "bentoml")},
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        until = time.monotonic() + _STARTING
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                self.__exit__()
                raise RuntimeError((self._folder / f"{self._system.name}.txt").read_text()[-2000:])
            time.sleep(0.2)
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    @property
    def _url(self) -> str:
        return f"http://127.0.0.1:{self._port}{self._system.path}"

    def _body(self, rows: int) -> Path:
        return self._folder / f"{self._system.key}-{rows}.json"

    def _answers(self) -> bool:
        asked = urllib.request.Request(self._url, self._body(1).read_bytes(), {"Content-Type": "application/json"})
        with suppress(urllib.error.URLError, ConnectionError, TimeoutError), urllib.request.urlopen(asked, timeout=5):
            return True
        return False

    def asked(self, cell: Cell) -> Figure:
        """After a second that is not counted, the first time."""
        for _ in range(1 if self._warm else 2):
            words = [HERE / "load.py", self._url, self._body(cell.rows), cell.clients, _SECONDS]
            command = [str(word) for word in (*_pinned(1), sys.executable, *words)]
            said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        self._warm = True
        rate, p99, errors = json.loads(said)
        if errors:
            raise RuntimeError(f"{self._system.name} answered {errors} requests of {cell} with an error")
        return Figure(rate, p99)

    def megabytes(self) -> float:
        """Of all its processes, what they share counted once."""
        family, size = {self._process.pid}, 0
        parents = {int(path.parent.name): path.read_text() for path in Path("/proc").glob("[0-9]*/stat")}
        for _ in range(4):
            family |= {pid for pid, stat in parents.items() if int(stat.rpartition(")")[2].split()[1]) in family}
        for pid in family:
            with suppress(OSError):
                rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
                size += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
        return size / 1024


def _pinned(core: int) -> Sequence[str]:
    return ("taskset", "-c", str(core)) if shutil.which("taskset") and len(os.sched_getaffinity(0)) > 1 else ()


def _table(found: Mapping[tuple[str, Cell], Figure], memory: Mapping[str, float], systems: list[System]) -> Table:
    names = ("mvops", "unlogged", "tutorial", "mlflow", "bentoml", "echo")
    rows = [_row(cell, {name: found.get((name, cell)) for name in names}) for cell in CELLS]
    rows += list(_others(found, memory, names))
    peers = {system.name for system in systems} & {"mlflow", "bentoml"}
    return Table(
        title="Endpoint",
        about="Requests per second, and the 99th percentile of the latency in milliseconds, of twelve mixed columns "
        "behind a one-hot encoder and a scaler; one process on one core on each side, asked from another "
        f"({'by `wrk`' if shutil.which('wrk') else 'by raw sockets in Python'}). mvops validates, counts, and answers "
        "when the prediction is on the disk, by the ONNX graph of the version; *unlogged* is the same endpoint, which "
        "keeps nothing. The others keep nothing either. *Tutorial* is FastAPI around the estimator, *echo* Starlette "
        "that sends back the JSON. MLflow is `mlflow models serve`, BentoML has adaptive batching.",
        heads=("what", "mvops", "unlogged", "tutorial", "MLflow", "BentoML", "echo"),
        rows=rows,
        notes=[
            f"{name}'s environment is not on this machine."
            for name in ("MLflow", "BentoML")
            if name.lower() not in peers
        ],
        versions={"ONNX Runtime": version("onnxruntime"), "FastAPI": version("fastapi")},
    )


def _row(cell: Cell, figures: Mapping[str, Figure | None]) -> Row:
    what = f"{cell.kind}, {cell.rows} row{'s' if cell.rows > 1 else ''}, {cell.clients} at a time"
    cells = [f"{one.rate:.0f} ({one.p99:.1f})" if one else "" for one in figures.values()]
    bars, kept = [], []
    ours = figures["mvops"]
    assert ours is not None
    for name, least in (("mlflow", cell.mlflow), ("bentoml", cell.bentoml), ("unlogged", 0.5)):
        theirs = figures[name]
        if least is not None and theirs is not None:
            bars.append(f"{ours.rate / theirs.rate:.2g}x {name}, at least {least:g}")
            kept.append(ours.rate / theirs.rate >= least)
    if cell[:3] == ("forest", 1, 8):
        bars.append("p99 at most 8 ms")
        kept.append(ours.p99 <= 8)
    return Row((what, *cells), "; ".join(bars), all(kept) if kept else None)


def _others(
    found: Mapping[tuple[str, Cell], Figure], memory: Mapping[str, float], names: Sequence[str]
) -> Iterator[Row]:
    busy = CELLS[2]
    asked, tutorial = found["estimator", busy], found["tutorial", busy]
    cells = (f"{asked.rate:.0f} ({asked.p99:.1f})", "", f"{tutorial.rate:.0f} ({tutorial.p99:.1f})", "", "", "")
    bar = f"{asked.rate / tutorial.rate:.2g}x tutorial, at least 6"
    yield Row(("forest, 1 row, 64 at a time, `engine: estimator`", *cells), bar, asked.rate >= 6 * tutorial.rate)
    told = [f"{memory[name]:.0f}" if name in memory else "" for name in names]
    most = memory.get("mlflow")
    bar = "at most half of MLflow's" if most else ""
    yield Row(("memory of all processes, MB", *told), bar, memory["mvops"] <= most / 2 if most else None)
