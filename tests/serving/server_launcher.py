"""Servers as real processes, run by the Python of the environment that they live in."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from serving_support import MODEL, ROOT, Project

from mvops import backends
from mvops.contracts.servers import Server, Service
from mvops.serving.client import EndpointClient

_PROCESS = Path(__file__).with_name("server_process.py")
_STARTS = 120  # seconds


def generate(name: str, project: Project) -> Path:
    """Write what the member generates for the project's model, with the project's own service.json."""
    server: Server = backends.load("servers", name)
    service = Service(
        model=MODEL,
        description="Will it be late?",
        host="127.0.0.1",
        port=8123,
        max_rows=100,
        state=f".mvops/serving/{MODEL}",
        artifacts=".mvops/artifacts",
        predictions="sqlite:///.mvops/predictions.db",
        python="3.11",
        requirements=("scikit-learn==1.6.1",),
    )
    folder = project.root / server.folder(MODEL)
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in server.files(service).items():
        (folder / path).write_text(text)
    project.service()
    return folder


class Process:
    """A server that runs; everything that it says is read, so that it never waits for us."""

    def __init__(self, command: Sequence[str], folder: Path, **environment: str) -> None:
        self.said: list[str] = []
        self._lines: queue.Queue[str] = queue.Queue()
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        with self.process.stdout as lines:
            for line in lines:
                self.said.append(line.rstrip())
                self._lines.put(line.rstrip())
        self._lines.put("error: it ended")

    def url(self) -> str:
        """The URL, once it says it."""
        while True:
            line = self._lines.get(timeout=_STARTS)
            assert not line.startswith("error:"), self.said
            if line.startswith("http://"):
                return line

    def ended(self, timeout: float = 60) -> int:
        """Wait for the end; the exit code."""
        code = self.process.wait(timeout)
        self._reader.join(20)
        return code

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    def close(self) -> None:
        """End it and whatever it started."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
        self.ended(20)


@dataclass
class Running:
    """A member that answers for a project."""

    project: Project
    process: Process
    url: str

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def client(self) -> EndpointClient:
        return EndpointClient(self.url, timeout=30)


class Launcher:
    """Starts processes of the server `name`, and ends them all with `close`."""

    def __init__(self, name: str, python: str) -> None:
        self.name = name
        self.python = python
        self._processes: list[Process] = []

    def process(
        self, project: Project, workers: int = 1, port: int = 0, edit: Callable[[], object] = lambda: None
    ) -> Process:
        """Generate its files, let `edit` change them, and start; port 0 takes a free one."""
        folder = generate(self.name, project)
        edit()
        command = [self.python, str(_PROCESS), self.name, str(folder), str(workers), str(port)]
        home = str(project.root / "home")
        self._processes.append(Process(command, folder, BENTOML_HOME=home))
        return self._processes[-1]

    def start(self, project: Project, workers: int = 1, edit: Callable[[], object] = lambda: None) -> Running:
        """The same, once it answers."""
        process = self.process(project, workers, edit=edit)
        return Running(project, process, process.url())

    def close(self) -> None:
        for process in self._processes:
            process.close()
