"""What a request to /predict asks for beside its rows, in its headers."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Protocol

from mvops.serving.problems import Problem

ROUTE_KEY = "x-route-key"
LOAD_TEST = "x-mvops-load-test"  # its answers are logged, and neither monitored nor counted for a rollout
ONCE = "idempotency-key"
PATIENCE = "x-request-timeout"
_LONGEST_KEY = 200  # characters


class Headers(Protocol):
    """Of a request; names are lower case."""

    def getlist(self, key: str) -> list[str]:
        """All values of a header."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """`started` is when it came, by time.perf_counter; `patience` for how many seconds the caller waits, if it says so.

    `once` is a digest of the caller and of the key under which the request is answered once.
    """

    started: float
    route_key: str | None = None
    test: bool = False
    once: bytes | None = None
    patience: float | None = None


def read_headers(headers: Headers, started: float, caller: str) -> Asked:
    """What they ask for. Raises Problem (400) for what cannot be meant."""
    return Asked(
        started=started,
        route_key=next(iter(headers.getlist(ROUTE_KEY)), None),
        test=bool(headers.getlist(LOAD_TEST)),
        once=_once(headers.getlist(ONCE), caller),
        patience=_patience(headers.getlist(PATIENCE)),
    )


def _once(values: list[str], caller: str) -> bytes | None:
    if not values:
        return None
    key = values[0]
    if len(values) > 1 or not 0 < len(key) <= _LONGEST_KEY or not (key.isascii() and key.isprintable()):
        raise Problem(400, f"Idempotency-Key must be one text of 1 to {_LONGEST_KEY} printable ASCII characters")
    return hashlib.sha256(f"{caller}\n{key}".encode()).digest()


def _patience(values: list[str]) -> float | None:
    if not values:
        return None
    try:
        seconds = float(values[0]) if len(values) == 1 else math.nan
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise Problem(400, "X-Request-Timeout must be a number of seconds above 0")
    return seconds
