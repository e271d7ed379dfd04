"""The endpoint's HTTP side. Imported by `app.create_app`, which says which extra is missing."""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import orjson
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from mvops.contracts.feature_stores import FeatureStore
from mvops.serving.asked import read_headers
from mvops.serving.guard import CALLER, KNOWN, Guard, Guarded, refused
from mvops.serving.journal import failure
from mvops.serving.openapi import document
from mvops.serving.problems import Problem
from mvops.serving.runtime import Runtime
from mvops.serving.scraped import ScrapeMark
from mvops.serving.settings import ServiceSettings


def _json(value: object, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")


class _Handlers:
    """One method for each path."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._settings = runtime.settings
        self._mark = ScrapeMark(runtime.settings.state_folder)

    async def predict(self, request: Request) -> Response:
        repeated = False

        async def answer(body: bytes, started: float) -> bytes:
            nonlocal repeated
            asked = read_headers(request.headers, started, request.scope.get(CALLER, ""))
            reply, repeated = await self._runtime.predict(body, asked)
            return reply

        response = await self._post(request, answer)
        if repeated:
            response.headers["idempotency-replayed"] = "true"
        return response

    async def outcomes(self, request: Request) -> Response:
        return await self._post(request, lambda body, _: self._runtime.outcomes(body))

    async def live(self, _: Request) -> Response:
        return _json({"live": True})

    async def ready(self, request: Request) -> Response:
        """Whoever asks is told yes or no; why, who may ask for predictions too."""
        ready, details = self._runtime.readiness()
        return _json(details if request.scope[KNOWN] else {"ready": ready}, 200 if ready else 503)

    async def metrics(self, request: Request) -> Response:
        table = self._runtime.router.table
        self._runtime.metrics.keep((arm.version, arm.arm) for arm in table.route.arms)
        self._mark.asked(request.headers.get("user-agent", ""), predicted=self._runtime.metrics.predicted)
        return Response(self._runtime.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def openapi(self, _: Request) -> Response:
        auth = self._settings.auth
        version = self._runtime.router.table.champion.version
        keys, skips = auth is not None and bool(auth.keys), self._settings.bad_rows == "skip"
        return _json(document(version, self._settings.max_rows, keys=keys, skips=skips))

    async def rollout(self, request: Request) -> Response:
        client = request.client
        if client is None or not ipaddress.ip_address(client.host.partition("%")[0]).is_loopback:
            return refused(Problem(403, "this is for the machine that the endpoint runs on"))
        return _json(self._runtime.rollout().model_dump())

    async def _post(self, request: Request, answer: Callable[[bytes, float], Awaitable[bytes]]) -> Response:
        started = time.perf_counter()
        try:
            response = Response(await answer(await self._body(request), started), media_type="application/json")
        except Problem as problem:
            response = refused(problem)
        except ClientDisconnect:
            response = Response(status_code=400)  # nobody reads it
        self._runtime.metrics.request(request.scope["path"], response.status_code)
        return response

    async def _body(self, request: Request) -> bytes:
        """The whole body. Raises Problem: 415, 413 as soon as it is known to be too large, 408 when it trickles."""
        kind, _, options = request.headers.get("content-type", "").partition(";")
        charset = options.strip().lower()
        if kind.strip().lower() != "application/json" or charset not in {"", "charset=utf-8", 'charset="utf-8"'}:
            raise Problem(415, "the content type must be application/json")
        if request.headers.get("content-encoding", "identity") != "identity":
            raise Problem(415, "a content encoding is not supported")
        limit = self._settings.max_body
        too_large = Problem(413, f"the body is larger than {limit} bytes")
        length = request.headers.get("content-length", "")
        if length.isdigit() and int(length) > limit:
            raise too_large
        body = bytearray()
        try:
            async with asyncio.timeout(self._settings.body_timeout):
                async for chunk in request.stream():
                    body += chunk
                    if len(body) > limit:
                        raise too_large
        except TimeoutError:
            raise Problem(408, "the body did not come in time") from None
        return bytes(body)


class Endpoint(FastAPI):
    """The application, behind its guard: also the routes, mounts and middleware that a team adds."""

    def __init__(self, runtime: Runtime, guard: Guard) -> None:
        @asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncIterator[None]:
            guard.open()
            await asyncio.to_thread(runtime.start)
            yield
            await asyncio.to_thread(runtime.stop)

        super().__init__(
            title=runtime.settings.model,
            lifespan=lifespan,
            openapi_url=None,
            docs_url=None,
            redoc_url=None,
            redirect_slashes=False,
        )
        self.state.runtime = runtime
        self.state.guard = guard
        self._guarded = Guarded(super().__call__, guard)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI."""
        await self._guarded(scope, receive, send)


def build(settings: ServiceSettings, features: FeatureStore | None = None) -> FastAPI:
    """See `app.create_app`."""
    runtime = Runtime(settings, features)
    app = Endpoint(runtime, Guard(settings, runtime.metrics))
    handlers = _Handlers(runtime)
    app.add_route("/predict", handlers.predict, methods=["POST"])
    app.add_route("/outcomes", handlers.outcomes, methods=["POST"])
    app.add_route("/health/live", handlers.live)
    app.add_route("/health/ready", handlers.ready)
    app.add_route("/metrics", handlers.metrics)
    app.add_route("/openapi.json", handlers.openapi)
    app.add_route("/rollout", handlers.rollout)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_error)
    return app


async def _on_http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = {404: "there is nothing here", 405: "this path does not take this method"}.get(
        error.status_code, "refused"
    )
    response = refused(Problem(error.status_code, detail))
    response.headers.update(error.headers or {})
    return response


async def _on_error(_: Request, error: Exception) -> Response:
    """A mistake of ours."""
    return refused(failure("something went wrong in the endpoint", error))
