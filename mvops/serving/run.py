"""Runs an endpoint in the foreground."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mvops.serving.app import create_app, missing
from mvops.serving.keys import check_access
from mvops.serving.listening import listen
from mvops.serving.settings import ServiceSettings

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import ASGIApp

OnReady = Callable[[str], None]


def serve(
    service_json: Path,
    host: str,
    port: int,
    *,
    workers: int = 1,
    on_ready: OnReady = lambda _: None,
    app: str = "mvops.serving.server:worker",
) -> None:
    """Serve until SIGTERM or SIGINT; `on_ready` gets the URL once requests are answered. Port 0 takes a free one.

    `app` names the function that makes the application of each of several workers. On a signal, /health/ready says
    503, requests in work are answered, and the spool is flushed. Raises ServingError (port taken, nobody says who may
    ask, no version to serve, model cannot be loaded) and MissingExtraError before anything is listening.
    """
    settings = ServiceSettings.load(service_json)
    check_access(settings, host)
    if workers == 1:
        run_app(create_app(settings), host, port, on_ready=on_ready)
        return
    create_app(settings)  # what can be refused without a model is refused here
    from mvops.serving import server  # noqa: PLC0415 -- an optional extra

    listening = listen(host, port)
    server.run_workers(app, service_json, settings, listening, workers, on_ready)


def run_app(
    app: FastAPI, host: str, port: int, *, on_ready: OnReady = lambda _: None, inside: ASGIApp | None = None
) -> None:
    """The same for an application made with `create_app`, in one process; `inside` is one that has it mounted."""
    try:
        from mvops.serving import server  # noqa: PLC0415 -- an optional extra
    except ModuleNotFoundError as error:
        raise missing(error) from error
    check_access(app.state.runtime.settings, host)
    server.run_here(inside or app, app.state.runtime, listen(host, port), on_ready)
