"""uvicorn, told what an endpoint wants. Imported by `run`, which says which extra is missing."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from fastapi import FastAPI
from starlette.types import ASGIApp
from uvicorn import Config, Server
from uvicorn.supervisors import Multiprocess

from mvops.contracts.feature_stores import FeatureStore
from mvops.errors import ServingError
from mvops.serving.app import create_app
from mvops.serving.client import EndpointClient
from mvops.serving.journal import log_as_json
from mvops.serving.listening import url_of
from mvops.serving.runtime import Runtime
from mvops.serving.settings import ServiceSettings

_SERVICE = "MVOPS_SERVICE"  # the environment variable by which a worker process finds its settings

_WORKERS_START = 120  # seconds; a worker that cannot start is tried again until then


class DrainingServer(Server):
    """Says that it is ready, and drains: on a signal, first not ready, then, after a while, no more requests."""

    def __init__(self, config: Config, runtime: Runtime, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._runtime = runtime
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and not self.should_exit:
            self._on_ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 -- uvicorn's signature
        """Stop in an orderly way. uvicorn would raise the signal again afterwards; a drained endpoint exits with 0."""
        again = self._runtime.draining
        self._runtime.draining = True
        delay = self._runtime.settings.drain_delay
        if again and sig == signal.SIGINT:
            self.force_exit = True
        if again or not delay:
            self.should_exit = True
            return
        threading.Timer(delay, self._exit).start()

    def _exit(self) -> None:
        self.should_exit = True


def _config(app: ASGIApp | str, settings: ServiceSettings, workers: int = 1) -> Config:
    return Config(
        app,
        workers=workers,
        factory=isinstance(app, str),
        lifespan="on",
        ws="none",
        log_level="warning",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=60,
        timeout_graceful_shutdown=max(1, round(settings.drain_timeout)),
    )


def run_here(app: ASGIApp, runtime: Runtime, listening: socket.socket, on_ready: Callable[[str], None]) -> None:
    """See `run.run_app`."""
    log_as_json()
    url = url_of(listening)
    with listening:
        runtime.start()
        try:
            server = DrainingServer(_config(app, runtime.settings), runtime, lambda: on_ready(url))
            server.run([listening])
        finally:
            runtime.stop()


def run_workers(
    app: str,
    service: Path,
    settings: ServiceSettings,
    listening: socket.socket,
    workers: int,
    on_ready: Callable[[str], None],
) -> None:
    """Several processes on one port, started again when one dies. Raises ServingError when they cannot start."""
    os.environ[_SERVICE] = str(service.resolve())
    url = url_of(listening)
    ready = threading.Event()

    def watch() -> None:
        try:
            EndpointClient(url).ready(timeout=_WORKERS_START)
        except ServingError:
            supervisor.should_exit.set()
            return
        ready.set()
        on_ready(url)

    with listening:
        supervisor = Multiprocess(_config(app, settings, workers), [listening])
        threading.Thread(target=watch, daemon=True).start()
        supervisor.run()
    if not ready.is_set():
        raise ServingError("the workers could not start", hint="See why with: --workers 1")


def worker(features: FeatureStore | None = None) -> FastAPI:
    """The application of one worker process."""
    log_as_json()
    return create_app(worker_settings(), features=features)


def worker_settings() -> ServiceSettings:
    """The settings of the endpoint that this is a worker process of."""
    return ServiceSettings.load(Path(os.environ[_SERVICE]))
