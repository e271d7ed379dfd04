"""The first thing that sees a request, whatever a team adds to the endpoint: what is refused unread, and who may ask.

Everything is asked for a key but PUBLIC, by exact path. Without keys, an endpoint answers its own machine alone, and
there no browser that a page from elsewhere sends: such a page has another `Host` or `Origin`.
"""

from __future__ import annotations

import logging
import time
from urllib.parse import urlsplit

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mvops.core.reach import is_loopback
from mvops.serving.keys import PUBLIC, Keys, WrongKeys
from mvops.serving.metrics import Metrics
from mvops.serving.problems import MEDIA_TYPE, Problem
from mvops.serving.request_ids import HEADER, current, request_id
from mvops.serving.settings import ServiceSettings

PROBES = frozenset({"/livez", "/readyz", "/healthz"})  # BentoML's own, which say as much
KNOWN = "mvops.known"  # in the scope: whether it is somebody who may ask
CALLER = "mvops.caller"  # in the scope: the name of the key that was sent, if one was asked for
_MAX_HEADERS = 32 << 10  # bytes of all headers together
_COUNTED = frozenset({"/predict", "/outcomes"})
_READ = frozenset({b"host", b"origin", b"authorization", b"x-api-key"})

_log = logging.getLogger("mvops.serving")
Headers = dict[bytes, list[bytes]]


def refused(problem: Problem) -> Response:
    """The answer that says what is wrong."""
    return Response(problem.body(), problem.status, headers=problem.headers(), media_type=MEDIA_TYPE)


class Guard:
    """Says of each request whether it is let in."""

    def __init__(self, settings: ServiceSettings, metrics: Metrics) -> None:
        self._auth = settings.auth
        self._metrics = metrics
        self._keys: Keys | None = None
        self._wrong = WrongKeys()

    def open(self) -> None:
        """Read the keys; before, who has to say one is not let in. Raises ServingError for one that is none."""
        if self._auth is not None and self._auth.keys:
            self._keys = Keys(self._auth)

    def refusal(self, scope: Scope) -> Problem | None:
        """Why not, if not; otherwise the scope says whether the caller is known."""
        headers, size = _headers(scope)
        if size > _MAX_HEADERS:
            return Problem(431, "the headers are too large")
        problem = self._stranger(scope, headers)
        scope[KNOWN] = problem is None
        if problem is not None and _public(scope):
            problem = None
        if problem is None and b"%" in scope.get("raw_path", b""):
            return Problem(404, "there is nothing here")
        if problem is not None and scope["type"] == "http":
            path = scope["path"]
            self._metrics.request(path if path in _COUNTED else "other", problem.status)
        return problem

    def _stranger(self, scope: Scope, headers: Headers) -> Problem | None:
        if self._auth is None:
            return _from_elsewhere(scope, headers)
        return self._without_key(scope, headers) if self._auth.keys else None

    def _without_key(self, scope: Scope, headers: Headers) -> Problem | None:
        given = [*headers.get(b"x-api-key", ())]
        for value in headers.get(b"authorization", ()):
            scheme, _, key = value.partition(b" ")
            if scheme.lower() == b"bearer":
                given.append(key.strip())
        if len(given) != 1:
            detail = (
                "the key is given twice" if given else "a key is asked for: Authorization: Bearer KEY, or X-API-Key"
            )
            return Problem(401, detail, more={"www-authenticate": "Bearer"})
        if self._keys is not None and (name := self._keys.name_of(given[0])):
            scope[CALLER] = name
            return None
        client = scope.get("client")
        if wait := self._wrong.wait(client[0] if client else "", time.monotonic()):
            return Problem(429, "too many wrong keys", retry_after=wait)
        _log.warning("a wrong key", extra={"told": {"address": client[0] if client else ""}})
        return Problem(401, "this is not a key of this endpoint", more={"www-authenticate": "Bearer"})


class Guarded:
    """An ASGI application behind a guard, which lets a request through once, however deep it is mounted."""

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self._app = app
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"} or KNOWN in scope:
            return await self._app(scope, receive, send)
        name = request_id([value for header, value in scope["headers"] if header == HEADER])
        token = current.set(name)
        try:
            return await self._let_in(scope, receive, _naming(name, send))
        finally:
            current.reset(token)

    async def _let_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        problem = self._guard.refusal(scope)
        if problem is None:
            return await self._app(scope, receive, send)
        if scope["type"] == "http":
            return await refused(problem)(scope, receive, send)
        await receive()
        return await send({"type": "websocket.close", "code": 1008})


def _naming(name: str, send: Send) -> Send:
    """Has the answer name its request."""

    async def named(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), (HEADER, name.encode())]
        await send(message)

    return named


def _headers(scope: Scope) -> tuple[Headers, int]:
    """Those that are read here, and the bytes of all."""
    found: Headers = {}
    size = 0
    for name, value in scope["headers"]:
        size += len(name) + len(value)
        if name in _READ:
            found.setdefault(name, []).append(value)
    return found, size


def _public(scope: Scope) -> bool:
    path = scope["path"]
    disguised = scope.get("raw_path") not in {None, path.encode()}
    return scope.get("method") in {"GET", "HEAD"} and path in PUBLIC | PROBES and not disguised


def _from_elsewhere(scope: Scope, headers: Headers) -> Problem | None:
    """Where no key is asked for: only who is on this machine is let in, and no page of somebody else's."""
    way = "or have it ask for keys: `endpoint: {auth: ...}`"
    server = scope.get("server")
    if not server or not _is_address(server[0]):  # the socket of a proxy beside it, or no server but a test
        return None
    if not is_loopback(server[0]):
        return Problem(403, f"the endpoint asks for no key, and so answers its own machine only: ask it there, {way}")
    for name, said in ((b"host", "//{}"), (b"origin", "{}")):
        for value in headers.get(name, ()):
            if not _of_this_machine(said.format(value.decode("latin-1"))):
                what = name.decode().capitalize()
                return Problem(
                    403, f"{what} is not this machine, and the endpoint asks for no key: ask 127.0.0.1, {way}"
                )
    return None


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()


def _of_this_machine(url: str) -> bool:
    try:
        return is_loopback(urlsplit(url).hostname or "")
    except ValueError:
        return False
