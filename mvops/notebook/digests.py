"""Digests of the data that a pipeline reads, remembered by size and time so that nothing is read twice."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from glob import glob
from pathlib import Path
from typing import Literal

from mvops.atomic import write_atomically
from mvops.core.canonical import digest
from mvops.errors import DataError
from mvops.witness import is_file, note, spoil

_SETTLED = 2.0  # seconds; a file changed more recently may change again within one tick of its time stamp


def input_digest(root: Path, pattern: str, cache_dir: Path | None = None) -> str:
    """The sha256 over the names (relative to `root`) and contents of a file, a folder's files, or a glob's matches.

    With `cache_dir` contents are remembered there by size, modification time and inode. Nothing there is a DataError.
    """
    return digest([list(each) for each in input_contents(root, pattern, cache_dir).items()])


def input_contents(root: Path, pattern: str, cache_dir: Path | None = None) -> dict[str, str]:
    """Path (relative to `root`) -> sha256 of each file of an input; raises as `input_digest`, which is made of it."""
    files = input_files(root, pattern)
    if not files:
        raise DataError(f"There is no data at {pattern} (looked in {root}).", hint=how_to_pull(root, pattern))
    known = _Known(cache_dir)
    try:
        contents = {_relative(file, root): known.digest(file) for file in files}
    except OSError as error:
        raise DataError(f"The data at {pattern} cannot be read: {error.strerror}: {error.filename}.") from None
    known.save()
    return contents


def input_files(root: Path, pattern: str) -> list[Path]:
    """The files that a file name, a folder or a glob stands for, sorted; hidden files in folders do not count."""
    place = root / pattern
    if place.is_file():
        found = [place]
    elif place.is_dir():
        files = (file for file in place.rglob("*") if file.is_file())
        found = sorted(file for file in files if not _hidden(file.relative_to(place)))
    else:
        found = sorted(Path(name) for name in glob(str(place), recursive=True) if Path(name).is_file())  # noqa: PTH207
    note("files", place, [str(file) for file in found])
    return found


def how_to_pull(root: Path, pattern: str) -> str | None:
    """What brings data here that is missing, where a `.dvc` file of it or of a folder around it is there: a clone."""
    place = root / pattern
    own = sorted(glob(f"{place}.dvc", recursive=True))  # noqa: PTH207
    around = [f"{folder}.dvc" for folder in place.parents if is_file(Path(f"{folder}.dvc"))]
    names = [os.path.relpath(name, root) for name in own or around[:1]]
    if not names:
        return None
    tracking = f"{names[0]} tracks it" if len(names) == 1 else f"{names[0]} and {len(names) - 1} more track it"
    return f"{tracking} with DVC, and its content is not here. Fetch it: dvc pull {' '.join(names)}"


def file_md5s(files: Iterable[Path], cache_dir: Path) -> dict[Path, str]:
    """The md5 of each file's content, which other tools go by; remembered like the sha256. Raises OSError."""
    known = _Known(cache_dir, "md5")
    found = {file: known.digest(file) for file in files}
    known.save()
    return found


def file_sha256(path: Path) -> str:
    """The sha256 of a file's content."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    note("content", path, found)
    return found


def stamp_of(state: os.stat_result) -> tuple[int, int, int, int]:
    """Size, mtime, inode and ctime: where all are as they were, so is the content."""
    return state.st_size, state.st_mtime_ns, state.st_ino, state.st_ctime_ns


def _relative(file: Path, root: Path) -> str:
    return Path(os.path.relpath(file, root)).as_posix()


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _read(file: Path) -> dict[str, list[object]]:
    try:
        state = file.stat()
        return dict(_parsed(file, state.st_size, state.st_mtime_ns))
    except (OSError, ValueError):
        return {}


@lru_cache(maxsize=8)  # every input asks for the same file
def _parsed(file: Path, _size: int, _changed: int) -> dict[str, list[object]]:
    entries = json.loads(file.read_text(encoding="utf-8"))
    return entries if isinstance(entries, dict) else {}


class _Known:
    """Contents that were read before: path -> size, mtime, inode, ctime, hash.

    The ctime is when the file was last touched in any way: whoever writes into it and puts the mtime back moves that.
    """

    def __init__(self, folder: Path | None, algorithm: Literal["sha256", "md5"] = "sha256") -> None:
        self._algorithm = algorithm
        name = "inputs.json" if algorithm == "sha256" else f"inputs-{algorithm}.json"
        self._file = folder / name if folder else None
        self._entries = _read(self._file) if self._file else {}
        self._changed = False

    def digest(self, path: Path) -> str:
        state = path.stat()
        stamp: list[object] = list(stamp_of(state))
        known = self._entries.get(str(path.absolute()))
        if isinstance(known, list) and known[:-1] == stamp:
            note("stamp", path, stamp)
            return str(known[-1])
        with path.open("rb") as file:
            found = hashlib.file_digest(file, self._algorithm).hexdigest()
        spoil(f"{path} was read")
        if time.time() - state.st_mtime > _SETTLED:
            self._entries[str(path.absolute())] = [*stamp, found]
            self._changed = True
        return found

    def save(self) -> None:
        if self._file is None or not self._changed:
            return
        with suppress(OSError):  # where nothing can be written, the next one reads them again
            write_atomically(self._file, json.dumps(self._entries).encode(), lasting=False)
