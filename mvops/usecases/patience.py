"""Waiting for a project that somebody else works on."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from mvops.core.progress import Progress, Tell
from mvops.errors import LockedError, StalePlanError

_POLL = 1.0  # seconds

T = TypeVar("T")


def patiently(work: Callable[[], T], patience: timedelta, tell: Tell) -> T:
    """Do `work` again, for as long as `patience`, while it is refused because another command changes the project."""
    until = time.monotonic() + patience.total_seconds()
    while True:
        try:
            return work()
        except (LockedError, StalePlanError) as error:
            if time.monotonic() >= until:
                raise
            tell(Progress(what=f"waiting: {error.message}"))
            time.sleep(_POLL)
