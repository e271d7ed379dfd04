"""The process of a version that answers in the shadow, as whoever asks it sees it."""

from __future__ import annotations

import select
import subprocess
import sys
from contextlib import suppress
from typing import Any

import orjson

from mvops.artifacts.model_host import receive, send
from mvops.core.version import Version
from mvops.serving.answers import Answers
from mvops.serving.settings import ServiceSettings

_LOADING = 120.0  # seconds


class AskedInVainError(Exception):
    """The version cannot be loaded, failed on these rows, took too long, or its process is gone."""


class ShadowProcess:
    """Started when it is made. For one thread; `end` is for any."""

    def __init__(self, settings: ServiceSettings, version: Version) -> None:
        """Load the version, from bytes whose hash is checked. Raises AskedInVainError, OSError."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mvops.serving.shadow_host"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the endpoint
        )
        told = {
            "version": version.model_dump(mode="json"),
            "root": str(settings.root),
            "artifacts": settings.artifacts,
            "max_rows": settings.max_rows,
        }
        header, _ = self._exchange(told, b"", _LOADING)
        if "error" in header:
            self.end()
            raise AskedInVainError(header["error"])

    @property
    def alive(self) -> bool:
        """Can it be asked."""
        return self._process.poll() is None

    def ask(self, rows: list[dict[str, Any]], timeout: float) -> Answers:
        """Its answers. Raises AskedInVainError; a process that takes too long is ended."""
        header, body = self._exchange({}, orjson.dumps(rows), timeout)
        if "error" in header:
            raise AskedInVainError(header["error"])
        return Answers(**orjson.loads(body))

    def end(self) -> None:
        """Kill it."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()

    def _exchange(self, header: dict[str, Any], body: bytes, timeout: float) -> tuple[dict[str, Any], bytes]:
        try:
            assert self._process.stdout is not None
            send(self._process.stdin, header, body)
            in_time = select.select([self._process.stdout], [], [], timeout)[0]
            found = receive(self._process.stdout) if in_time else None
        except (OSError, ValueError) as error:
            self.end()
            raise AskedInVainError(f"its process is gone: {error}") from None
        if found is None:
            self.end()
            raise AskedInVainError("its process ended, or did not answer in time")
        return found
