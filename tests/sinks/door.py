"""A door in front of a server on this machine: shut, the server is down; opened again, it is back with all it had."""

from __future__ import annotations

import contextlib
import socket
import threading


class Door:
    """Forwards the connections that it takes at `port` to `behind`, both on loopback; counts `requests` of HTTP."""

    def __init__(self, behind: int) -> None:
        self._behind = behind
        self._open: list[socket.socket] = []
        self.requests = 0
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.open()

    def open(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        threading.Thread(target=self._welcome, args=(self._listener,), daemon=True).start()

    def shut(self) -> None:
        """Refuse who comes, and break off whoever is inside."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        while self._open:
            with contextlib.suppress(OSError), self._open.pop() as one:
                one.shutdown(socket.SHUT_RDWR)

    def _welcome(self, listener: socket.socket) -> None:
        while True:
            try:
                guest, _ = listener.accept()
                host = socket.create_connection(("127.0.0.1", self._behind))
            except OSError:
                return
            self._open += [guest, host]
            for one, other in ((guest, host), (host, guest)):
                threading.Thread(target=self._pour, args=(one, other), daemon=True).start()

    def _pour(self, source: socket.socket, into: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                self.requests += data.count(b" HTTP/1.1\r\n")  # what comes back says it the other way round
                into.sendall(data)
            into.shutdown(socket.SHUT_WR)
