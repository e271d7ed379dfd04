"""Steps in threads of this process: their kernels are processes anyway."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from mvops.contracts.executors import Report, Work


class Threads:
    """Hands of this process."""

    remote = False

    def __init__(self, pool: ThreadPoolExecutor, at_once: int) -> None:
        self.at_once: int | None = at_once
        self._pool = pool

    def submit(self, work: Work, report: Report) -> Future[Any]:
        """Do it in a thread."""
        return self._pool.submit(work, report)

    def everywhere(self, ask: Callable[[], str]) -> Mapping[str, str]:
        """There is no other process to ask."""
        del ask
        return {}


@contextmanager
def threads(at_once: int = 1) -> Iterator[Threads]:
    """Hands that do `at_once` pieces of work at a time."""
    with ThreadPoolExecutor(at_once, thread_name_prefix="mvops-step") as pool:
        yield Threads(pool, at_once)
