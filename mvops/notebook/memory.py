"""How much memory a kernel and all that it started take together, looked at while it runs.

A limit of the kernel's own, by `setrlimit(RLIMIT_AS)`, is no good: it counts addresses and not memory (an import of
PyTorch or a file that is mapped takes gigabytes of the ones and little of the other), holds for each process by
itself, and shows as a MemoryError, or a crash, in whichever library asks next. A cgroup needs rights that few have.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

from mvops.notebook.processes import marked

LOOK_EVERY = 0.2  # seconds
_FIND_EVERY = 1.0  # seconds; to find a kernel's processes is to read something of every process of the machine


@dataclass
class MemoryWatch:
    """The processes that carry `mark`, and the bytes that they may take together (None: any).

    Those that `spare` names carry it too and do not count.
    """

    mark: str
    limit: int | None
    spare: Callable[[], Collection[int]] = frozenset
    _next: float = 0.0
    _found: float = 0.0
    _pids: list[int] = field(default_factory=list)

    def exceeded(self) -> int | None:
        """What they take, if it is more than they may; not looked at more often than every `LOOK_EVERY` seconds.

        None where there is no /proc.
        """
        now = time.monotonic()
        if self.limit is None or now < self._next:
            return None
        if now >= self._found + _FIND_EVERY:
            self._found = now
            spare = self.spare()
            self._pids = [pid for pid in marked(self.mark) if pid not in spare]
        taken = sum(map(_resident, self._pids))
        # Pages that forks have in common count in each of them, so a sum that is too large is not the answer yet.
        taken = taken if taken <= self.limit else sum(map(_share, self._pids))
        self._next = time.monotonic() + LOOK_EVERY
        return taken if taken > self.limit else None


def _resident(pid: int) -> int:
    """Bytes in memory; 0 for a process that is gone."""
    with contextlib.suppress(OSError, IndexError, ValueError):
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def _share(pid: int) -> int:
    """The same, with pages that n processes have in common counted as the nth part."""
    with contextlib.suppress(OSError, ValueError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return _resident(pid)
