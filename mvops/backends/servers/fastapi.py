"""The endpoint as a FastAPI app: a few generated lines on top of mvops.serving."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mvops import __version__, backends
from mvops.contracts.servers import Service
from mvops.serving.deploying import generated_files
from mvops.serving.own_code import run_own
from mvops.serving.run import run_app, serve


class FastApi:
    """Generates `deploy/serving/<model>/` and serves it with uvicorn."""

    extra = "serve"  # of mvops: what `serve` needs

    def folder(self, model: str) -> str:
        """One folder for each model."""
        return f"deploy/serving/{model}"

    def files(self, service: Service) -> Mapping[str, str]:
        """The app, its settings, its requirements, a load test, and what runs it elsewhere."""
        return generated_files(service, "fastapi", {"mvops_version": __version__, "start": ["app.py"]})

    def serve(self, folder: Path, *, host: str, port: int, workers: int, on_ready: Callable[[str], None]) -> None:
        """Run the team's `app.py` in the foreground; with several workers, the app without its additions."""
        if workers > 1:
            app = "mvops.backends.servers.fastapi:worker"
            serve(folder / "service.json", host, port, workers=workers, on_ready=on_ready, app=app)
        else:
            (app,) = run_own(folder / "app.py", "app")
            run_app(app, host, port, on_ready=on_ready)


def worker() -> Any:
    """The application of one of several processes, with the feature store that its settings name."""
    from mvops.serving import server  # noqa: PLC0415 -- an optional extra

    told = server.worker_settings().features
    return server.worker(None if told is None else backends.load("feature_stores", told.backend))
