"""Writing and removing generated files: each one whole or not at all, and never over somebody's own work."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from mvops.core.steps import RemoveFiles, WriteFiles


def write_files(step: WriteFiles, root: Path) -> dict[str, str]:
    """Write each file; one that was edited by hand stays, and the new text goes beside it with the ending `.new`."""
    for name, text in sorted(step.files.items()):
        path = root / name
        content = text.encode()
        there = _digest(path)
        if there == hashlib.sha256(content).hexdigest():
            continue
        ours = there is None or there == step.ours.get(name)
        write_atomically(path if ours else path.with_name(f"{path.name}.new"), content)
    return {}


def remove_files(step: RemoveFiles, root: Path) -> dict[str, str]:
    """Remove what still has our content, and the folders that are empty then."""
    for name, digest in sorted(step.files.items()):
        path = root / name
        if _digest(path) == digest:
            path.unlink()
            _remove_empty(path.parent, root)
    return {}


def write_atomically(path: Path, content: bytes) -> None:
    """Write through a temporary file in the same folder, synced, then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


@contextmanager
def whole_file(path: Path) -> Iterator[IO[str]]:
    """A text file that appears at `path` only when all of it has been written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8", newline="") as file:
            yield file
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _remove_empty(folder: Path, root: Path) -> None:
    with suppress(OSError):  # not empty: somebody's own files are in it
        while folder != root:
            folder.rmdir()
            folder = folder.parent


def _digest(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return None
