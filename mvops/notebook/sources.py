"""The code that a run was made of, kept as it was: notebooks are edited, and not every edit is committed to Git."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from mvops.core.version import Artifact
from mvops.errors import NotebookError, Where
from mvops.notebook.results import Store

_MOST = 16 << 20  # bytes; a larger file that the code reads by name is data, and should be an input


def source_name(file: Path, root: Path) -> str:
    """What the file is called on record: its path from the project's folder."""
    return Path(os.path.relpath(file, root)).as_posix()


def keep_sources(files: Iterable[Path], root: Path, store: Store) -> dict[str, Artifact]:
    """Put the files into the store; path below `root` -> content. What lies outside the project is left out.

    Raises NotebookError for a file that cannot be read.
    """
    kept: dict[str, Artifact] = {}
    for file in dict.fromkeys(files):
        name = source_name(file, root)
        if name.startswith("../"):
            continue
        try:
            if file.stat().st_size <= _MOST:
                kept[name] = store.put_bytes(file.read_bytes(), file.suffix.removeprefix(".") or "text")
        except OSError as error:
            raise NotebookError(f"The file cannot be read: {error.strerror}", where=Where(file)) from error
    return kept
