"""Servers on this machine that are not what is looked for: one is silent, one answers something else, one says no."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@contextmanager
def silent() -> Iterator[str]:
    """Takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@contextmanager
def trickling() -> Iterator[str]:
    """Says a letter of its answer now and then, and never comes to an end."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def talk() -> None:
            with suppress(OSError):
                taken, _ = server.accept()
                with taken:
                    taken.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
                    while True:
                        taken.sendall(b"x")
                        time.sleep(0.5)

        thread = Thread(target=talk, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>a page</html>")

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@contextmanager
def _answering(page: type[_Page]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), page)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def not_mlflow() -> Iterator[str]:
    """Answers every path with a page."""
    with _answering(_Page) as url:
        yield url


@contextmanager
def refusing(status: int, body: bytes = b"") -> Iterator[str]:
    """Answers everything that is asked with this status."""

    class Door(_Page):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(b"" if self.command == "HEAD" else body)

        do_POST = do_PUT = do_HEAD = do_DELETE = do_GET  # noqa: N815 -- the names of its methods

    with _answering(Door) as url:
        yield url
