"""Where an endpoint that runs is reached, whatever the YAML says: known for as long as its process lives."""

from __future__ import annotations

import contextlib
import fcntl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from mvops.serving.counts import Place

_FILE = "address"
_TRIES = 5  # who reads takes the lock too, for a moment


@contextlib.contextmanager
def announced(state_dir: Path, url: str) -> Iterator[None]:
    """Say where it is reached. Of several endpoints of one model the first is told of. Raises OSError."""
    state_dir.mkdir(parents=True, exist_ok=True)
    with (state_dir / _FILE).open("a+") as file:
        if not any(_locked(file, fcntl.LOCK_EX, wait=0.01) for _ in range(_TRIES)):
            yield
            return
        file.truncate(0)
        file.write(url)
        file.flush()
        yield


def announced_url(state_dir: Path) -> str | None:
    """Where the endpoint is that runs; None where none has said so, or its process is gone."""
    try:
        with (state_dir / _FILE).open() as file:
            return None if _locked(file, fcntl.LOCK_SH) else file.read() or None
    except FileNotFoundError:
        return None


def place_of(state_dir: Path) -> Place:
    """What tells the endpoint of this folder from others on this machine."""
    found = state_dir.resolve()
    with contextlib.suppress(OSError):
        status = found.stat()
        return Place(folder=str(found), number=f"{status.st_dev}:{status.st_ino}")
    return Place(folder=str(found), number="")


def _locked(file: IO[str], how: int, wait: float = 0.0) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except OSError:
        time.sleep(wait)
        return False
    return True
