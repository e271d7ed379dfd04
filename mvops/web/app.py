"""Serves the page on this machine: `/` for people, `/data.json` for programs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from mvops.errors import MissingExtraError, MvopsError
from mvops.registry.events import record_event
from mvops.serving.listening import listen, url_of
from mvops.usecases.overview import Overview, overview
from mvops.web.page import page
from mvops.workspace import Workspace

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

_REFRESH = 30  # seconds
_AGAIN = timedelta(hours=1)  # how often it is noted that the page was looked at
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Looked:
    """Looks at the project, for one reader at a time, and notes that its models' predictions were shown."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lock = threading.Lock()
        self._noted: dict[str, datetime] = {}

    def look(self) -> Overview:
        """All there is to see now."""
        with self._lock:
            return overview(self._workspace)

    def shown(self, found: Overview) -> None:
        """A person was shown this."""
        for model in found.models:
            noted = self._noted.get(model.model)
            if model.predictions and (noted is None or found.at - noted > _AGAIN):
                self._noted[model.model] = datetime.now(UTC)
                message = f"the dashboard was looked at, with {model.predictions} predictions"
                record_event(self._workspace.registry, "dashboard", model.model, message)


def make_app(workspace: Workspace, host: str, told: Callable[[str], str] = str) -> Starlette:
    """The application that listens at `host`; `told` makes of the page, which names commands, what is shown.

    On loopback it answers only requests that name it so: the name of another site, which a browser was led to believe
    is this machine's, would let that site read the page.
    """
    from starlette.applications import Starlette  # noqa: PLC0415 -- an optional extra
    from starlette.responses import HTMLResponse, PlainTextResponse, Response  # noqa: PLC0415
    from starlette.routing import Route  # noqa: PLC0415

    looked = Looked(workspace)

    def guarded(answer: Callable[[], Response]) -> Callable[[Request], Response]:
        def handle(request: Request) -> Response:
            if host in _LOOPBACK and request.url.hostname not in _LOOPBACK:
                return PlainTextResponse("this page is for the machine that it runs on\n", 403, headers=_HEADERS)
            try:
                return answer()
            except MvopsError as error:
                return PlainTextResponse(f"error: {error}\n", 500, headers=_HEADERS)

        return handle

    def html() -> Response:
        found = looked.look()
        looked.shown(found)
        return HTMLResponse(told(page(found, refresh=_REFRESH)), headers=_HEADERS)

    def data() -> Response:
        text = looked.look().model_dump_json()
        return Response(f'{{"format_version":1,{text[1:]}', media_type="application/json", headers=_HEADERS)

    return Starlette(routes=[Route("/", guarded(html)), Route("/data.json", guarded(data))])


def serve(
    workspace: Workspace, host: str, port: int, on_ready: Callable[[str], None], told: Callable[[str], str] = str
) -> None:
    """Answer in the foreground until stopped; `on_ready` gets the URL. Port 0 takes a free one.

    Raises MissingExtraError without the extra `serve`, ServingError for a port that is taken.
    """
    try:
        from uvicorn import Config, Server  # noqa: PLC0415 -- an optional extra

        app = make_app(workspace, host, told)
    except ImportError as error:
        raise MissingExtraError("The dashboard", "serve") from error
    with listen(host, port) as listening:
        url = url_of(listening)
        server = Server(
            Config(app, log_level="warning", access_log=False, server_header=False, lifespan="off", ws="none")
        )
        on_ready(url)
        server.run([listening])
