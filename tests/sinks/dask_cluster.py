"""A real Dask cluster: a scheduler and workers, each a process started as its user starts them."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass
class Cluster:
    """Its address, and its processes."""

    folder: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        return self.folder / "scheduler.json"

    @property
    def address(self) -> str:
        return str(json.loads(self.file.read_text())["address"])

    def start(self, name: str, *arguments: str, **settings: str) -> subprocess.Popen[bytes]:
        environment = os.environ | {"PYTHONPATH": str(ROOT)} | settings
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "dask", *arguments],
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self.processes[name]

    def scheduler(self, port: int = 0) -> None:
        self.file.unlink(missing_ok=True)
        arguments = ("--host", "127.0.0.1", "--port", str(port), "--no-dashboard", "--scheduler-file", str(self.file))
        process = self.start("scheduler", "scheduler", *arguments)
        deadline = time.monotonic() + 90
        while not self.file.exists() or not self.file.read_text():
            assert process.poll() is None, (self.folder / "scheduler.log").read_text()
            assert time.monotonic() < deadline, "the scheduler did not start"
            time.sleep(0.1)

    def worker(self, name: str, *more: str, **settings: str) -> None:
        place = ("--local-directory", str(self.folder / "scratch"), "--scheduler-file", str(self.file))
        self.start(
            name, "worker", *place, "--host", "127.0.0.1", "--nthreads", "1", "--no-dashboard", *more, **settings
        )

    def ready(self, name: str) -> None:
        """Wait until a worker has found its scheduler."""
        log = self.folder / f"{name}.log"
        deadline = time.monotonic() + 90
        while "Registered to" not in log.read_text():
            assert self.processes[name].poll() is None, log.read_text()
            assert time.monotonic() < deadline, "the worker did not start"
            time.sleep(0.1)

    def end(self, name: str) -> None:
        process = self.processes.pop(name)
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def cluster(folder: Path, workers: int = 2) -> Iterator[Cluster]:
    """A scheduler with `workers` workers of one thread."""
    made = Cluster(folder)
    try:
        made.scheduler()
        for number in range(workers):
            made.worker(f"worker-{number}")
        for number in range(workers):
            made.ready(f"worker-{number}")
        yield made
    finally:
        for name in reversed(list(made.processes)):
            made.end(name)
