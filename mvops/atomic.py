"""Files that appear whole or not at all, and are still there after a power cut."""

from __future__ import annotations

import errno
import io
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from mvops.witness import note_content


def write_atomically(path: Path, content: bytes, *, mode: int = 0o666, lasting: bool = True) -> None:
    """Put `content` at `path`; see `whole_file`.

    What is not `lasting` may be lost or empty after a power cut, though not after a killed process; it is not waited
    for the disk.
    """
    with _draft(path, mode, lasting) as file:
        file.write(content)


@contextmanager
def whole_file(path: Path) -> Iterator[IO[str]]:
    """A UTF-8 text file, line ends as written, that appears at `path` only when all of it is on the disk.

    Missing folders are made. Until then, and for good if anything is raised, what was at `path` stays as it was, with
    nothing left beside it. A file that is replaced hands its permissions on; those of a new one follow the umask.
    Raises OSError.
    """
    with _draft(path, 0o666, lasting=True) as binary:
        text = io.TextIOWrapper(binary, encoding="utf-8", newline="", write_through=True)
        try:
            yield text
        finally:
            text.detach()


@contextmanager
def whole_binary(path: Path) -> Iterator[IO[bytes]]:
    """The same for what is no text."""
    with _draft(path, 0o666, lasting=True) as file:
        yield file


@contextmanager
def all_or_none(paths: Iterable[Path]) -> Iterator[None]:
    """Around the writing of several files: where anything is raised, all of them are what they were."""
    before = {path: path.read_bytes() if path.is_file() else None for path in paths}
    try:
        yield
    except BaseException:
        for path, content in before.items():
            with suppress(OSError):
                if content is None:
                    path.unlink(missing_ok=True)
                elif path.read_bytes() != content:
                    write_atomically(path, content)
        raise


def content_at(path: Path) -> bytes | None:
    """What the file holds; None where no file is."""
    content = None
    with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
        content = path.read_bytes()
    note_content(path, content)
    return content


def clear_drafts(folder: Path) -> None:
    """Remove what killed processes left half-written in `folder`; only for where nobody else writes meanwhile."""
    for draft in folder.glob(f".{'[0-9a-f]' * 16}.part"):
        draft.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make the folder's new, renamed and removed entries durable, where the system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def _draft(path: Path, mode: int, lasting: bool) -> Iterator[IO[bytes]]:
    """What goes wrong with the draft is told of `path`, which is what a person knows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{secrets.token_hex(8)}.part")  # in the same folder, as a rename cannot cross disks
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                if lasting:
                    os.fsync(file.fileno())
            with suppress(FileNotFoundError):
                draft.chmod(stat.S_IMODE(path.stat().st_mode))
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
    except OSError as error:
        if error.filename == str(draft) or (error.filename is None and error.errno == errno.ENOSPC):
            error.filename = str(path)
        raise
    if lasting:
        sync_folder(path.parent)
