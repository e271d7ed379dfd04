"""A kernel that another process forked for us, as Jupyter looks at a process that it started itself."""

from __future__ import annotations

import array
import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SOCKETS = ("shell", "iopub", "stdin", "control", "hb")


@dataclass(frozen=True)
class Wish:
    """How a kernel is to be started: two kernels of the same wish are one as good as the other."""

    arguments: Sequence[str]
    environment: Mapping[str, str]
    folder: str


class Forked:
    """What `subprocess.Popen` is for a child, as far as it is used of kernels. `place` has its files."""

    stdin = stdout = stderr = None

    def __init__(self, server: Path, wish: Wish, place: Path) -> None:
        """Ask for it; it is there when `pid` is."""
        place.mkdir()
        self.place, self.wish = place, wish
        self.connection, self.log = place / "kernel.json", place / "kernel.log"
        self.connection.write_text(json.dumps(_connection(place)), encoding="utf-8")
        self.returncode: int | None = None
        self._said = b""
        self._server = socket.socket(socket.AF_UNIX)
        with self.log.open("ab") as log:
            self._server.connect(str(server))
            arguments = ["-f", str(self.connection), *wish.arguments]
            request = {"arguments": arguments, "environment": dict(wish.environment), "folder": wish.folder}
            files = array.array("i", [log.fileno(), log.fileno()])
            message = json.dumps(request).encode()
            self._server.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, files)])

    @property
    def pid(self) -> int:
        """Waits while the process that forks is still importing; 0 if it is gone."""
        while b"\n" not in self._said and self._hear(None):
            pass
        return int(self._said.partition(b"\n")[0] or 0)

    @property
    def born(self) -> bool:
        """Is it there, or was it."""
        self.poll()
        return b"\n" in self._said

    def give_up(self) -> None:
        """Whoever waits for it to be there waits no longer."""
        if not self.born:
            with contextlib.suppress(OSError):
                self._server.shutdown(socket.SHUT_RDWR)

    def known(self) -> int | None:
        """Its id, if it is there."""
        return int(self._said.partition(b"\n")[0] or 0) or None if self.born else None

    def poll(self) -> int | None:
        """The exit code, or minus the signal that killed it; None while it lives."""
        while self.returncode is None and self._hear(0):
            pass
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code. Raises subprocess.TimeoutExpired."""
        while self.returncode is None:
            if not self._hear(timeout):
                raise subprocess.TimeoutExpired("kernel", timeout or 0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Nothing happens to one that has ended."""
        pid = self.known()
        if pid is not None and self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)

    def close(self) -> None:
        """Hear of it no more."""
        self._server.close()

    def _hear(self, timeout: float | None) -> bool:
        """Read what its parent says next; False if that is nothing in that time, or was all."""
        if self.returncode is not None:
            return False
        self._server.settimeout(timeout)
        try:
            said = self._server.recv(64)
        except (BlockingIOError, TimeoutError):
            return False
        except OSError:
            said = b""
        self._said += said
        _, _, code = self._said.partition(b"\n")
        if not said or code.endswith(b"\n"):
            self.returncode = int(code or 1)
            self._server.close()
        return True


def _connection(place: Path) -> dict[str, Any]:
    """As Jupyter writes it for Unix sockets: the ports are endings of paths."""
    ports: dict[str, Any] = {f"{name}_port": number for number, name in enumerate(_SOCKETS, start=1)}
    key = secrets.token_hex(16)
    return {**ports, "transport": "ipc", "ip": str(place / "k"), "key": key, "signature_scheme": "hmac-sha256"}
