"""The socket that an endpoint listens on."""

from __future__ import annotations

import errno
import socket
from collections.abc import Collection
from itertools import chain

from mvops.core.reach import url_at
from mvops.errors import ServingError


class PortTakenError(ServingError):
    """Somebody listens there."""


def url_of(listening: socket.socket) -> str:
    """Where a bound socket can be reached from this machine."""
    return url_at(*listening.getsockname()[:2])


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
            raise PortTakenError(f"port {port} is taken", hint=hint) from error
        raise ServingError(f"cannot listen on {host} port {port}: {error.strerror}") from error
    return bound


def free_port(host: str, after: int, but: Collection[int]) -> int | None:
    """One that nobody listens at and that is not among `but`: the next from `after` on, else a lower one."""
    ports = (port for port in chain(range(after + 1, 65536), range(1024, after)) if port not in but)
    return next((port for port in ports if _is_free(host, port)), None)


def _is_free(host: str, port: int) -> bool:
    try:
        listen(host, port).close()
    except ServingError:
        return False
    return True
