"""Runs an endpoint in the foreground."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mvops.errors import ServingError
from mvops.serving.app import create_app, missing
from mvops.serving.settings import ServiceSettings

if TYPE_CHECKING:
    from fastapi import FastAPI

OnReady = Callable[[str], None]


def serve(service_json: Path, host: str, port: int, *, workers: int = 1, on_ready: OnReady = lambda _: None) -> None:
    """Serve until SIGTERM or SIGINT; `on_ready` gets the URL once requests are answered. Port 0 takes a free one.

    On a signal, /health/ready says 503, requests in work are answered, and the spool is flushed. Raises ServingError
    (port taken, no version to serve, model cannot be loaded) and MissingExtraError before anything is listening.
    """
    settings = ServiceSettings.load(service_json)
    if workers == 1:
        run_app(create_app(settings), host, port, on_ready=on_ready)
        return
    create_app(settings)  # what can be refused without a model is refused here
    from mvops.serving import server  # noqa: PLC0415 -- an optional extra

    listening = listen(host, port)
    server.run_workers(service_json, settings, listening, workers, on_ready)


def run_app(app: FastAPI, host: str, port: int, *, on_ready: OnReady = lambda _: None) -> None:
    """The same for an application made with `create_app`, in one process."""
    try:
        from mvops.serving import server  # noqa: PLC0415 -- an optional extra
    except ModuleNotFoundError as error:
        raise missing(error) from error
    server.run_here(app, listen(host, port), on_ready)


def listen(host: str, port: int) -> socket.socket:
    """A bound socket. Raises ServingError that says what to type."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ServingError(f"{host} is not an address of this machine: {error.strerror}") from error
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(2048)
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            hint = f"Choose another: --port {port + 1 if port < 65535 else 8000}"
            raise ServingError(f"port {port} is taken", hint=hint) from error
        raise ServingError(f"cannot listen on {host} port {port}: {error.strerror}") from error
    return bound
