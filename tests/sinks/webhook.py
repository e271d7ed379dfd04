"""A webhook on this machine that keeps what it gets."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any


class Hook:
    """Answers each POST with `status`; with `silent`, takes the connection and never answers."""

    def __init__(self, status: int = 200, *, silent: bool = False) -> None:
        got: list[tuple[str, dict[str, Any]]] = []
        self.got = got
        self._over = over = Event()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                if silent:
                    over.wait(60)
                    return
                body = self.rfile.read(int(self.headers["content-length"]))
                got.append((self.path, json.loads(body)))
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Silent."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self) -> None:
        self._over.set()
        self.server.shutdown()
        self.server.server_close()
