"""Appending to a file so that it is there after a power cut."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_sync = getattr(os, "fdatasync", os.fsync)  # macOS has only the latter


def sync_folder(folder: Path) -> None:
    """Make the folder's entries durable: new, renamed and removed files."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Appender:
    """A new file. After an OSError it must not be used again, only closed."""

    def __init__(self, path: Path, head: bytes) -> None:
        self._head = head
        self._size = 0
        self._file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            sync_folder(path.parent)
        except OSError:
            os.close(self._file)
            raise

    def append(self, data: bytes) -> int:
        """Write, sync, and return the file's size: everything before it is durable. Raises OSError."""
        whole = data if self._size else self._head + data
        try:
            rest = memoryview(whole)
            while rest:
                rest = rest[os.write(self._file, rest) :]
            _sync(self._file)
        except OSError:
            with contextlib.suppress(OSError):  # what was not acknowledged need not be kept
                os.ftruncate(self._file, self._size)
            raise
        self._size += len(whole)
        return self._size

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)
