"""Connections to PostgreSQL that do not wait for ever.

The timeouts that a server keeps do not help where the server itself is frozen, and its machine still answers for it.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

import psycopg

LONGEST = 65.0  # seconds without an answer; a server that lives gives a statement up after 60


class PatientConnection(psycopg.Connection[Any]):
    """Raises OperationalError, and is closed, when the server has been silent for too long."""

    def wait(self, gen: Any, *arguments: Any, **options: Any) -> Any:
        """Every wait of a connection comes by here."""
        try:
            return super().wait(_bounded(gen), *arguments, **options)
        except SilentError:
            self.close()
            raise


class SilentError(psycopg.OperationalError):
    """Nothing came for too long."""


def _bounded(talk: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """The same talk with the server; it is resumed several times a second, with nothing while there is nothing."""
    until = time.monotonic() + LONGEST
    try:
        state = next(talk)
        while True:
            ready = yield state
            if ready:
                until = time.monotonic() + LONGEST
            elif time.monotonic() > until:
                raise SilentError(f"it has not answered for {LONGEST:.0f} seconds")
            state = talk.send(ready)
    except StopIteration as end:
        return end.value
