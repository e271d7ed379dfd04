"""Who a spool's segments belong to: each process claims a folder with a lock that ends when the process does."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mvops.serving.writing import sync_folder

_LOCK = "lock"
COUNTS = "counts.json"  # see neighbours.py


@dataclass
class Claim:
    """A folder that is ours until `release`."""

    folder: Path
    lock: int  # file descriptor

    def segments(self) -> list[Path]:
        """Its segments, oldest first."""
        return sorted(self.folder.glob("*.segment"))

    def release(self) -> None:
        """Remove the folder when nothing is left in it, and let go of it."""
        if not self.segments():
            with contextlib.suppress(OSError):
                for name in (COUNTS, f"{COUNTS}.part", "probe", _LOCK):
                    (self.folder / name).unlink(missing_ok=True)
                self.folder.rmdir()
        os.close(self.lock)


def claim(spool: Path) -> Claim:
    """Make a new folder in the spool and claim it. Raises OSError."""
    spool.mkdir(parents=True, exist_ok=True)
    while True:
        folder = spool / f"{time.time_ns():020d}-{os.getpid()}-{secrets.token_hex(4)}"
        folder.mkdir()
        claimed = _take(folder)
        if claimed is not None:
            sync_folder(spool)
            return claimed


def left_over(spool: Path) -> list[Claim]:
    """Claim the folders whose processes are gone, oldest first."""
    found = (_take(folder) for folder in sorted(spool.iterdir()) if folder.is_dir())
    return [claimed for claimed in found if claimed is not None]


def is_held(spool: Path) -> bool:
    """Does a process that lives have a folder there: is an endpoint running. Writes nothing."""
    return any(_is_locked(folder) for folder in spool.iterdir()) if spool.is_dir() else False


def held_since(spool: Path) -> datetime | None:
    """When the oldest process that lives and has a folder there took it; None where there is none. Writes nothing."""
    held = sorted(folder.name for folder in spool.iterdir() if _is_locked(folder)) if spool.is_dir() else []
    return datetime.fromtimestamp(int(held[0].partition("-")[0]) / 1e9, UTC) if held else None


def _is_locked(folder: Path) -> bool:
    try:
        lock = os.open(folder / _LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(lock)
    return False


def _take(folder: Path) -> Claim | None:
    """Claim a folder, unless somebody else holds it or has removed it."""
    try:
        lock = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if (folder / _LOCK).stat().st_ino == os.fstat(lock).st_ino:
            return Claim(folder, lock)
    except OSError:
        os.close(lock)
        return None
    os.close(lock)
    return None


def put_away(segment: Path, spool: Path, *, damaged: bool) -> None:
    """Remove a segment whose records are all in the log; a damaged one is kept as `*.damaged` in the spool's folder."""
    with contextlib.suppress(FileNotFoundError):
        if damaged:
            segment.rename(spool / f"{segment.parent.name}-{segment.name}.damaged")
        else:
            segment.unlink()
