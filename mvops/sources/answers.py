"""Asking a server that somebody named: only that one, for a few seconds, and a few kilobytes of answer."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from mvops.core.reach import host_and_port
from mvops.errors import ServingError, UsageError

_SECONDS = 5.0  # for each answer
_LARGEST = 2 << 20  # bytes
_SUCH_AS = "Write it such as http://127.0.0.1:8000"


@dataclass(frozen=True)
class Answer:
    """What came back: `json` is None for what is none."""

    status: int
    text: str

    @cached_property
    def json(self) -> Any:
        """The JSON of a text that is some."""
        try:
            return json.loads(self.text)
        except (ValueError, RecursionError):
            return None


class Server:
    """The server at a URL that a person typed. No redirect is followed, nothing is sent but GET."""

    def __init__(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise UsageError(f"{url} is no URL: {error}", hint=_SUCH_AS) from None
        host = parts.hostname or ""
        if parts.scheme == "https" or parts.path.strip("/") or parts.query or parts.fragment:
            raise UsageError(
                f"{url} does not say at which port the endpoint itself listens",
                hint="What stands in front of it cannot be taken over. Name it as from its own machine: http://HOST:PORT",
            )
        if not host or parts.username is not None or parts.password is not None:
            raise UsageError(f"{url} is not the URL of an endpoint", hint=_SUCH_AS)
        self.host, self.port = host, port or 80
        self.url = f"http://{host_and_port(self.host, self.port)}"

    def get(self, path: str) -> Answer:
        """Its answer, or the beginning of it. Raises ServingError where there is none within seconds."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=_SECONDS)
        guard = threading.Timer(_SECONDS, _hang_up, (connection,))  # also on one that says a letter now and then
        guard.start()
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            body = bytearray()
            while chunk := response.read1(1 << 16):
                body += chunk
                if len(body) > _LARGEST:
                    raise ServingError(f"{self.url}{path} answers without an end")
            return Answer(response.status, body.decode("utf-8", "replace"))
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            raise ServingError(
                f"{self.url} did not answer: {error}", hint="Is it running, and is this the address that it listens at?"
            ) from error
        finally:
            guard.cancel()
            connection.close()


def _hang_up(connection: http.client.HTTPConnection) -> None:
    """Whoever waits for what is said sees the end of it."""
    with contextlib.suppress(OSError, AttributeError):  # it has been closed, or was never open
        connection.sock.shutdown(socket.SHUT_RDWR)
