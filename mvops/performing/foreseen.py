"""What is needed once the steps have run is imported while they run, where a core is free for it."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from mvops.notebook.quick_imports import import_quickly

_MODULES = (
    "mvops.notebook.kernel_client",  # what a step's thread imports now: two at a time would only hinder each other
    # What evaluates, in the order in which skops takes least. Each is a second or less, for which a run's end may wait.
    "numpy",
    "scipy.special",
    "pandas",
    "scipy.stats",
    "sklearn",
    "skops.io",
    "sqlmodel",
    "mvops.performing.register",
)
_SWITCH = 0.0005  # seconds; Python's default, ten times that, would be waited for at each message of a kernel


class Foreseen:
    """Imports in a thread of its own once it has begun."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """A step runs: what comes after it will be needed. Does nothing the second time."""
        if self._thread is None and _cores() > 1:
            self._thread = threading.Thread(target=self._work, name="mvops-foreseen", daemon=True)
            self._thread.start()

    def end(self) -> None:
        """Wait for what is being imported; the rest is left to who needs it."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        before = sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH)
        try:
            for module in _MODULES:
                if self._stop.is_set():
                    return
                with suppress(Exception):  # whoever needs it will say what is wrong with it
                    import_quickly(module)
        finally:
            sys.setswitchinterval(before)


@contextmanager
def foreseen() -> Iterator[Foreseen]:
    """To be begun while the steps run; ended when they have."""
    made = Foreseen()
    try:
        yield made
    finally:
        made.end()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
