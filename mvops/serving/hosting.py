"""The endpoint inside somebody else's server, such as BentoML's: what to mount, and an orderly end on a signal."""

from __future__ import annotations

import signal
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import FrameType
from typing import Any, Protocol, TypeVar

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount
from uvicorn import Server

from mvops.serving.guard import Guarded
from mvops.serving.runtime import Runtime
from mvops.serving.server import DrainingServer


class _TakesMiddleware(Protocol):
    def add_asgi_middleware(self, middleware_cls: Any, **options: Any) -> None: ...


_Service = TypeVar("_Service", bound=_TakesMiddleware)


def mountable(app: FastAPI) -> Starlette:
    """An application that takes every path, so that whoever mounts `app` answers none in its place.

    Its lifespan is that of `app`: the model is loaded and the spool taken over before the first request. Under a
    server that is not ours, SIGTERM and SIGINT first make /health/ready say no, as they do under `mvops serve`.
    """

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with app.router.lifespan_context(app):
            _drain_on_signals(app.state.runtime)
            yield

    return Starlette(routes=[Mount("/", app)], lifespan=lifespan)


def guarded(app: FastAPI) -> Callable[[_Service], _Service]:
    """Have all that a BentoML service answers be asked for as `app` is, BentoML's own paths and methods too."""

    def guard(service: _Service) -> _Service:
        service.add_asgi_middleware(Guarded, guard=app.state.guard)
        return service

    return guard


def _drain_on_signals(runtime: Runtime) -> None:
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        known = signal.getsignal(number)
        server = getattr(known, "__self__", None)
        if isinstance(server, Server) and not isinstance(server, DrainingServer):
            signal.signal(number, _Drain(runtime, server))


class _Drain:
    """What happens on a signal: first not ready, then, after the drain delay, what the server would have done."""

    def __init__(self, runtime: Runtime, server: Server) -> None:
        self._runtime = runtime
        self._server = server

    def __call__(self, number: int, frame: FrameType | None) -> None:
        again = self._runtime.draining
        self._runtime.draining = True
        if again or not self._runtime.settings.drain_delay:
            self._server.handle_exit(number, frame)
        else:
            threading.Timer(self._runtime.settings.drain_delay, self._server.handle_exit, (number, frame)).start()
