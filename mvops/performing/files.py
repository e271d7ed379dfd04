"""Writing and removing generated files: each one whole or not at all, and never over somebody's own work."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mvops.atomic import clear_drafts, write_atomically
from mvops.core.steps import RemoveFiles, WriteFiles
from mvops.errors import ConflictError, Where


def write_files(step: WriteFiles, root: Path) -> dict[str, str]:
    """Write each file; one that was edited by hand stays, and the new text goes beside it with the ending `.new`.

    Raises ConflictError for a place where no file can be written.
    """
    _clear(root, step.files)
    for name, text in sorted(step.files.items()):
        path = root / name
        content = text.encode()
        with _explained(path):
            there = _digest(path)
            if there == hashlib.sha256(content).hexdigest():
                continue
            ours = there is None or there == step.ours.get(name)
            write_atomically(path if ours else path.with_name(f"{path.name}.new"), content)
    return {}


def remove_files(step: RemoveFiles, root: Path) -> dict[str, str]:
    """Remove what still has our content, and the folders that are empty then; raises ConflictError as above."""
    _clear(root, step.files)
    for name, digest in sorted(step.files.items()):
        path = root / name
        with _explained(path):
            if _digest(path) == digest:
                path.unlink()
                _remove_empty(path.parent, root)
    return {}


def _clear(root: Path, files: Iterable[str]) -> None:
    """Take away the drafts of an apply that was killed; the project's lock is ours."""
    for folder in sorted({(root / name).parent for name in files}):
        with _explained(folder):
            clear_drafts(folder)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConflictError(
            f"the file cannot be written or removed: {error.strerror or error}",
            hint="Move what is in the way, or check your permissions; then: mvops apply",
            where=Where(path),
        ) from error


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
