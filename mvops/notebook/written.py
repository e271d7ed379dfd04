"""The files that a notebook writes: which they are is seen by looking at the folder before and after it runs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mvops.notebook.digests import file_sha256, stamp_of

Said = Literal["equal", "different", "not written", "other bytes"]
_DATA = {".csv", ".tsv", ".txt", ".json", ".jsonl", ".yaml", ".yml", ".npy", ".arff", ".parquet", ".feather", ".md"}
_NOT_LOOKED_INTO = {"node_modules", "__pycache__", "mlruns", "wandb"}
_Stamp = tuple[int, int, int, int]


@dataclass(frozen=True)
class WrittenFile:
    """A file that the original wrote, by its path below the project, and whether the pipeline wrote the same.

    `other bytes`: pickles, pictures and archives hold times and addresses, so that the same may be written otherwise.
    A picture that is `not written` is one whose cell production skips. `stable` is False where the original writes
    something else each time. One that is `handed` on to another notebook has to be written.
    """

    path: str
    said: Said
    stable: bool | None = None
    handed: bool = False

    @property
    def wrong(self) -> bool:
        """Does it count against the pipeline."""
        return self.stable is not False and (
            self.said == "different"
            or (self.said == "not written" and (self.handed or Path(self.path).suffix.lower() in _DATA))
        )


class Folder:
    """All that is in a folder, but for what is hidden; `changed` is what was written since it was last asked."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known = dict(self._look())

    def changed(self) -> dict[str, str]:
        """Path below the folder -> digest of its content, for each file that is new or was written since."""
        now = dict(self._look())
        written = [path for path, stamp in now.items() if self._known.get(path) != stamp]
        self._known = now
        return {path: digest for path in written if (digest := _digest(self._root / path)) is not None}

    def _look(self) -> Iterator[tuple[str, _Stamp]]:
        for place, folders, files in os.walk(self._root):
            folders[:] = [name for name in folders if not name.startswith(".") and name not in _NOT_LOOKED_INTO]
            for name in files:
                path = Path(place, name)
                try:
                    state = path.stat()
                except OSError:
                    continue
                yield path.relative_to(self._root).as_posix(), stamp_of(state)


def compare_written(original: Mapping[str, str], promoted: Mapping[str, str]) -> tuple[WrittenFile, ...]:
    """What the original wrote beside what the promoted pipeline wrote: paths and digests, as `Folder.changed` says."""
    return tuple(WrittenFile(path, _said(path, digest, promoted.get(path))) for path, digest in original.items())


def _said(path: str, original: str, promoted: str | None) -> Said:
    if promoted is None:
        return "not written"
    if promoted == original:
        return "equal"
    return "different" if Path(path).suffix.lower() in _DATA else "other bytes"


def _digest(path: Path) -> str | None:
    try:
        return file_sha256(path)
    except OSError:
        return None
