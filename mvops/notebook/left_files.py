"""The files that steps leave behind: a step counts as done only while they are as it left them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mvops.notebook.cache import Entry
from mvops.notebook.digests import file_sha256
from mvops.notebook.written import Folder
from mvops.witness import is_file

_GONE = ""  # the digest of no file


def as_they_left(entries: Mapping[str, Entry | None], root: Path) -> dict[str, Entry | None]:
    """The entries of steps, in their order, None for one whose file is gone or another now.

    Where several steps write one file, it must be as the last of them left it, and they are done together or not at
    all: each goes on from what the one before it wrote.
    """
    writers: dict[str, list[str]] = {}
    for step, entry in entries.items():
        for path in entry.files if entry else ():
            writers.setdefault(path, []).append(step)
    gone = {step for step, entry in entries.items() if entry is None}
    for path, steps in writers.items():
        last = entries[steps[-1]]
        assert last is not None
        if _content(root / path) != last.files[path]:
            gone.update(steps)
    while spread := {each for steps in writers.values() if not gone.isdisjoint(steps) for each in steps} - gone:
        gone |= spread
    return {step: None if step in gone else entry for step, entry in entries.items()}


class LeftFiles:
    """What each step of a run writes below the project, and takes away (as a file without content).

    Of steps that run at the same time nobody knows which one it was: all of them count as having done it.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folder = Folder(root)
        self._running: dict[str, dict[str, str]] = {}
        self._written: set[str] = set()

    def began(self, step: str) -> None:
        """From now on it may write."""
        self._running[step] = {}

    def ended(self, step: str) -> dict[str, str]:
        """Path below the project -> digest of its content."""
        changed = self._folder.changed()
        changed |= {path: _GONE for path in self._written if not (self._root / path).exists()}
        self._written = (self._written | changed.keys()) - {path for path, sha256 in changed.items() if not sha256}
        for files in self._running.values():
            files.update(changed)
        return self._running.pop(step)


def _content(path: Path) -> str:
    try:
        return file_sha256(path) if is_file(path) else _GONE
    except OSError:
        return _GONE
