"""The endpoint as a BentoML service, with the same answers and the same prediction log as on FastAPI."""

from __future__ import annotations

import importlib
import os
import signal
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from mvops import __version__
from mvops.contracts.servers import Service
from mvops.errors import MissingExtraError, ServingError
from mvops.serving.client import EndpointClient
from mvops.serving.deploying import generated_files
from mvops.serving.keys import check_access
from mvops.serving.listening import listen, url_of
from mvops.serving.own_code import run_own
from mvops.serving.run import run_app
from mvops.serving.settings import ServiceSettings

_STARTS = 120  # seconds; BentoML tries again to start a worker until then


class BentoML:
    """Generates `deploy/serving/<model>/` and serves it with BentoML.

    One process runs the service's own ASGI application under the server that FastAPI has too; several run under
    BentoML's supervisor, as `bentoml serve` does.
    """

    extra = "bentoml"  # of mvops: what `serve` needs

    def folder(self, model: str) -> str:
        """One folder for each model."""
        return f"deploy/serving/{model}"

    def files(self, service: Service) -> Mapping[str, str]:
        """The service, its settings, its requirements, a load test, and what runs or builds it elsewhere."""
        start = ["-m", "bentoml", "serve", "service:Endpoint"]
        return generated_files(service, "bentoml", {"mvops_version": __version__, "start": start})

    def serve(self, folder: Path, *, host: str, port: int, workers: int, on_ready: Callable[[str], None]) -> None:
        """Run the team's `service.py` in the foreground."""
        os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
        os.environ["MVOPS_WORKERS"] = str(workers)
        try:
            importlib.import_module("bentoml")
        except ImportError as error:
            raise MissingExtraError("The server 'bentoml'", "bentoml") from error
        settings = ServiceSettings.load(folder / "service.json")
        settings.check_route()
        check_access(settings, host)
        if workers > 1:
            _supervise(folder, listen(host, port), on_ready)
        else:
            app, service = run_own(folder / "service.py", "app", "Endpoint")
            run_app(app, host, port, on_ready=on_ready, inside=service.to_asgi())


def _supervise(folder: Path, listening: socket.socket, on_ready: Callable[[str], None]) -> None:
    bentoml = importlib.import_module("bentoml")
    url = url_of(listening)
    host, port = listening.getsockname()[:2]
    listening.close()  # it was free; BentoML binds it anew
    ready = threading.Event()

    def watch() -> None:
        try:
            EndpointClient(url).ready(timeout=_STARTS)
        except ServingError:
            os.kill(os.getpid(), signal.SIGTERM)  # BentoML would try for ever
            return
        ready.set()
        on_ready(url)

    threading.Thread(target=watch, daemon=True).start()
    bentoml.serve("service:Endpoint", working_dir=str(folder), host=host, port=port, blocking=True)
    if not ready.is_set():
        raise ServingError("the workers could not start", hint="See why with: --workers 1")
