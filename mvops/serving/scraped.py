"""A mark beside the route that Prometheus has fetched an endpoint's numbers: evidence that its dashboards have some."""

from __future__ import annotations

import contextlib
import time
from datetime import UTC, datetime
from pathlib import Path

_MARK = "scraped"
_AGAIN = 300.0  # seconds; a mark need not be fresher


class ScrapeMark:
    """Leaves the mark, now and again, when the one who asks says that it is Prometheus."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _MARK
        self._next = 0.0

    def asked(self, agent: str, *, predicted: bool) -> None:
        """Somebody fetched the metrics. A disk that refuses is not worth an error here."""
        now = time.monotonic()
        if predicted and agent.startswith("Prometheus/") and now >= self._next:
            self._next = now + _AGAIN
            with contextlib.suppress(OSError):
                self._path.touch()


def scraped(folder: Path) -> datetime | None:
    """When the mark was left last."""
    try:
        return datetime.fromtimestamp((folder / _MARK).stat().st_mtime, UTC)
    except OSError:
        return None
