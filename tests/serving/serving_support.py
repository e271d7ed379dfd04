"""Real endpoints: skops models in an artefact store, a uvicorn server in a process of its own, an SQLite log."""

from __future__ import annotations

import http.client
import json
import multiprocessing
import os
import resource
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from mvops.artifacts.seals import seal
from mvops.artifacts.store import ArtifactStore
from mvops.core.route import Arm, Route
from mvops.core.signature import Column, Signature
from mvops.core.version import OWN, CodeState, Environment, Version
from mvops.errors import MvopsError
from mvops.registry.predictions import PredictionLog
from mvops.serving.app import create_app
from mvops.serving.client import EndpointClient
from mvops.serving.listening import listen
from mvops.serving.run import serve
from mvops.serving.server import DrainingServer, _config
from mvops.serving.settings import ServiceSettings

ROOT = Path(__file__).parents[2]
MODEL = "delay"
COLUMNS = (
    Column(name="temp", kind="number", low=-10, high=35, example=12.5),
    Column(name="hour", kind="integer", low=0, high=23, example=7),
    Column(name="wind", kind="number", nullable=True, example=4.0),  # null passes validation and fails in the model
    Column(name="holiday", kind="boolean", example=False),
    Column(name="carrier", kind="category", categories=("AA", "UA"), example="AA"),
)
LATE = {"temp": 30.0, "hour": 20, "wind": 3.0, "holiday": False, "carrier": "UA"}
ON_TIME = {"temp": -5.0, "hour": 3, "wind": 3.0, "holiday": False, "carrier": "AA"}
POISON = LATE | {"wind": None}


def classifier(unknown: str = "ignore") -> Any:
    generator = np.random.default_rng(7)
    rows = 400
    frame = pd.DataFrame(
        {
            "temp": generator.normal(12, 10, rows),
            "hour": generator.integers(0, 24, rows),
            "wind": generator.normal(5, 1, rows),
            "holiday": generator.random(rows) < 0.2,
            "carrier": generator.choice(["AA", "UA"], rows),
        }
    )
    late = (frame["temp"] + frame["hour"] > 25).astype(int)
    columns = ColumnTransformer(
        [
            ("numbers", StandardScaler(), ["temp", "hour", "wind", "holiday"]),
            ("carrier", OneHotEncoder(handle_unknown=unknown), ["carrier"]),
        ]
    )
    return Pipeline([("columns", columns), ("model", LogisticRegression())]).fit(frame, late)


def doubler(factor: float = 2.0) -> Any:
    """A regression that answers x times `factor`."""
    frame = pd.DataFrame({"x": np.arange(50.0)})
    return LinearRegression(fit_intercept=False).fit(frame, frame["x"] * factor)


CLASSIFICATION = Signature(columns=COLUMNS, task="classification", classes=(0, 1), probabilities=True)
REGRESSION = Signature(columns=(Column(name="x", kind="number", example=1.0),), task="regression")


@dataclass
class Project:
    """A project's folder with what an endpoint needs."""

    root: Path
    dumped: Callable[[str], bytes]
    signature: Signature = CLASSIFICATION
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def state(self) -> Path:
        return self.root / ".mvops/serving" / MODEL

    @property
    def spool(self) -> Path:
        return self.state / "spool"

    @property
    def store(self) -> ArtifactStore:
        return ArtifactStore(".mvops/artifacts", self.root)

    def service(self) -> Path:
        folder = self.root / "deploy/serving" / MODEL
        folder.mkdir(parents=True, exist_ok=True)
        written = {
            "format_version": 1,
            "model": MODEL,
            "root": "../../..",
            "state": f".mvops/serving/{MODEL}",
            "artifacts": ".mvops/artifacts",
            "predictions": "sqlite:///.mvops/predictions.db",
            "max_rows": 100,
            "isolate": False,  # a model's own process imports for seconds: see test_model_process.py
        }
        (folder / "service.json").write_text(json.dumps(written | self.settings))
        return folder / "service.json"

    def version(self, number: int, model: str = "classifier", kind: str = "skops") -> Version:
        """Keep and describe a version; a pickle is one of this project's own making."""
        artifact = self.store.put_bytes(self.dumped(model), kind)
        own = OWN if kind != "skops" else ""
        version = Version(
            model=MODEL,
            number=number,
            created=datetime(2026, 1, 1, tzinfo=UTC),
            reason="test",
            run="r1",
            artifact=artifact,
            signature=self.signature,
            baseline=None,
            held_out=None,
            data={},
            code=CodeState(commit=None, dirty=False, notebook="n.ipynb", cells={}),
            environment=Environment(python="3.11", platform="linux", packages={}, interpreter=own),
            seal=seal(self.root, artifact) if own else "",
            parameters={},
            metrics={},
            fingerprint="f",
        )
        self._write(f"v{number}.json", version.model_dump_json())
        return version

    def route(self, serial: int, champion: int, challenger: int | None = None, share: int = 0) -> None:
        arms = [Arm(arm="champion", version=champion, weight=100 - share)]
        if challenger is not None:
            arms.append(Arm(arm="challenger", version=challenger, weight=share))
        self._write("route.json", Route(model=MODEL, serial=serial, arms=tuple(arms)).model_dump_json())

    def _write(self, name: str, text: str) -> None:
        self.state.mkdir(parents=True, exist_ok=True)
        draft = self.state / f".{name}.part"
        draft.write_text(text)
        draft.replace(self.state / name)

    def log(self) -> PredictionLog:
        return PredictionLog.open("sqlite:///.mvops/predictions.db", self.root)

    def logged_ids(self) -> list[str]:
        with self.log() as log:
            return [prediction.id for _, prediction in log.read(MODEL, 0, 1_000_000)]


# One process imports scikit-learn once; each server is forked from it, so that it starts in no time.
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["serving_support", "skops.io"])


def _serve(service: Path, say: Connection, file_limit: int | None, environment: Mapping[str, str], **options) -> None:
    """What a server's process runs; says its URL, or why there is none."""
    os.environ.update(environment)
    if "stderr" in options:
        os.dup2(os.open(options["stderr"], os.O_WRONLY | os.O_CREAT), 2)
    if file_limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, resource.RLIM_INFINITY))
    try:
        serve(service, options.get("host", "127.0.0.1"), 0, workers=options.get("workers", 1), on_ready=say.send)
    except MvopsError as error:
        say.send(f"error: {error}")


class Server:
    """`serve` in a process of its own. `file_limit` is the size in bytes beyond which no file may grow.

    One that `fails` says why in place of its URL.
    """

    def __init__(
        self,
        service: Path,
        file_limit: int | None = None,
        environment: Mapping[str, str] | None = None,
        *,
        fails: bool = False,
        **options: Any,
    ) -> None:
        hear, say = _FORKS.Pipe(duplex=False)
        arguments = (service, say, file_limit, environment or {})
        self.process = _FORKS.Process(target=_serve, args=arguments, kwargs=options)
        self.process.start()
        say.close()
        assert hear.poll(60)
        self.url = hear.recv()
        hear.close()
        assert self.url.startswith("http") != fails, self.url

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def client(self) -> EndpointClient:
        return EndpointClient(self.url)

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def ended(self, timeout: float = 30) -> int:
        """Wait for the end; the exit code."""
        self.process.join(timeout)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
            raise AssertionError("the server did not end")
        return self.process.exitcode

    def stop(self) -> int:
        if self.process.is_alive():
            self.process.terminate()
        return self.ended()


class Local:
    """An endpoint in a thread of the test's process: quick to start."""

    def __init__(self, project: Project, host: str = "127.0.0.1") -> None:
        self.project = project
        settings = ServiceSettings.load(project.service())
        self.app = create_app(settings)
        self.runtime = self.app.state.runtime
        self._listening = listen(host, 0)
        self.port = self._listening.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        ready = threading.Event()
        self.runtime.start()
        self._server = DrainingServer(_config(self.app, settings), self.runtime, ready.set)
        self._thread = threading.Thread(target=self._server.run, args=([self._listening],))
        self._thread.start()
        assert ready.wait(30)

    @property
    def client(self) -> EndpointClient:
        return EndpointClient(self.url)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(30)
        assert not self._thread.is_alive()


def send(port, method, path, body=None, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, body, {"Content-Type": "application/json"} | (headers or {}))
    response = connection.getresponse()
    text = response.read()
    connection.close()
    return response, text


def wait_for(condition, timeout=10.0):
    deadline = time.monotonic() + timeout
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found
