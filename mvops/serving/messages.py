"""Messages between an endpoint and the processes of its models, on a Unix socket: a size, then so many bytes.

Rows are sent as pickle, by the endpoint, to a process of its own making. All else is JSON: what comes from a process in
which a model runs is data, whatever the model is.
"""

from __future__ import annotations

import pickle
import socket
import struct
import time
from typing import Any

import orjson

_SIZE = struct.Struct(">Q")
_LARGEST = 1 << 30  # bytes


def send(connection: socket.socket, message: dict[str, Any], handles: tuple[int, ...] = ()) -> None:
    """A JSON message, with open files to inherit. Raises OSError where nobody listens any more."""
    try:
        data = orjson.dumps(message)
    except TypeError as error:  # a prediction that is no JSON
        data = orjson.dumps({"error": f"the model's answer cannot be sent: {error}", "trace": ""})
    _send(connection, data, handles)


def send_rows(connection: socket.socket, columns: Any) -> None:
    """The columns of some rows. Raises OSError."""
    _send(connection, pickle.dumps(columns, protocol=pickle.HIGHEST_PROTOCOL))


def receive(
    connection: socket.socket, *, handles: int = 0, until: float | None = None
) -> tuple[dict[str, Any], list[int]] | None:
    """The next JSON message and the open files with it; None at the end. `until` is on the monotonic clock.

    Raises TimeoutError and OSError.
    """
    _wait_until(connection, until)
    head, files, _, _ = socket.recv_fds(connection, _SIZE.size, handles)
    data = _rest(connection, head, until) if head else None
    return None if data is None else (orjson.loads(data), list(files))


def send_bytes(connection: socket.socket, data: bytes) -> None:
    """Bytes as they are. Raises OSError."""
    _send(connection, data)


def receive_bytes(connection: socket.socket) -> bytes | None:
    """What `send_bytes` sent; None at the end."""
    head = connection.recv(_SIZE.size)
    return _rest(connection, head, None) if head else None


def receive_rows(connection: socket.socket) -> Any:
    """What `send_rows` sent; None at the end."""
    data = receive_bytes(connection)
    return None if data is None else pickle.loads(data)  # noqa: S301  from the endpoint, which is our parent


def _send(connection: socket.socket, data: bytes, handles: tuple[int, ...] = ()) -> None:
    head = _SIZE.pack(len(data))
    if handles:
        socket.send_fds(connection, [head], handles)
        connection.sendall(data)
    else:
        connection.sendall(head + data)


def _rest(connection: socket.socket, head: bytes, until: float | None) -> bytes | None:
    """The message whose first bytes are `head`; None if it breaks off."""
    told = _exactly(connection, _SIZE.size, until, head)
    if told is None:
        return None
    (size,) = _SIZE.unpack(told)
    if size > _LARGEST:
        raise OSError(f"a message of {size:,} bytes")
    return _exactly(connection, size, until)


def _exactly(connection: socket.socket, size: int, until: float | None, begun: bytes = b"") -> bytes | None:
    data = bytearray(begun)
    while len(data) < size:
        _wait_until(connection, until)
        piece = connection.recv(min(size - len(data), 1 << 20))
        if not piece:
            return None
        data += piece
    return bytes(data)


def _wait_until(connection: socket.socket, until: float | None) -> None:
    if until is None:
        return
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    connection.settimeout(left)
