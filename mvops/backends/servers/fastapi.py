"""The endpoint as a FastAPI app: a few generated lines on top of mvops.serving."""

from __future__ import annotations

import runpy
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mvops import __version__
from mvops.contracts.servers import Service
from mvops.errors import MvopsError, ServingError, Where
from mvops.rendering import render_folder
from mvops.serving.run import run_app, serve


class FastApi:
    """Generates `deploy/serving/<model>/` and serves it with uvicorn."""

    def folder(self, model: str) -> str:
        """One folder for each model."""
        return f"deploy/serving/{model}"

    def files(self, service: Service) -> Mapping[str, str]:
        """The app, its settings, its requirements and a Dockerfile."""
        context = service.model_dump(mode="json") | {"root": "../../..", "mvops_version": __version__}
        return render_folder("servers/fastapi", context)

    def serve(self, folder: Path, *, host: str, port: int, workers: int, on_ready: Callable[[str], None]) -> None:
        """Run the team's `app.py` in the foreground; with several workers, the app without its additions."""
        if workers > 1:
            serve(folder / "service.json", host, port, workers=workers, on_ready=on_ready)
        else:
            run_app(_own_app(folder / "app.py"), host, port, on_ready=on_ready)


def _own_app(path: Path) -> Any:
    try:
        return runpy.run_path(str(path), run_name="mvops_endpoint")["app"]
    except MvopsError:
        raise
    except Exception as error:  # whatever their code raises is told, with the place
        where = Where(path, _line_in(path, error))
        raise ServingError(
            f"{type(error).__name__}: {error}", where=where, hint="Mend the file, or delete it and run: mvops apply"
        ) from error


def _line_in(path: Path, error: Exception) -> int | None:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return lines[-1] if lines else getattr(error, "lineno", None)
