"""Where a database is, and whether the file there may be opened."""

from __future__ import annotations

import importlib.util
import os
import re
import struct
from dataclasses import dataclass
from pathlib import Path

from mvops.errors import MissingExtraError, RegistryError, UsageError, Where
from mvops.registry.copies import newest_copy, time_of

_MAGIC = b"SQLite format 3\x00"
_HEADER = 100  # bytes; the layout is at sqlite.org/fileformat.html, section 1.3
_SQLITE_FILE = re.compile(r"sqlite:///([^?\r\n]+)")
_HANDLES: dict[tuple[int, int], int] = {}  # by device and inode, which nobody else gets while the handle is open
_POSTGRES = {"postgres", "postgresql", "postgresql+psycopg"}


@dataclass(frozen=True)
class Place:
    """A database: `file` is None for PostgreSQL; `shown` is for people and hides the password, which `url` has.

    One that is `unwritten` can only be read; with a `stamp` as one that does not change, see `unwritten.py`.
    """

    url: str
    file: Path | None
    shown: str
    unwritten: bool = False
    stamp: tuple[int, ...] | None = None


def locate(url: str, root: Path) -> Place:
    """Read a database URL; a relative SQLite path starts at `root`. Raises UsageError, or MissingExtraError."""
    plain = _SQLITE_FILE.fullmatch(url)
    if plain and plain[1] != ":memory:":
        file = root.absolute() / plain[1]
        return Place(url, file, str(file))
    return _located(url)


def _located(url: str) -> Place:
    """A database on PostgreSQL; what is wrong with any other URL."""
    from sqlalchemy.engine import make_url  # noqa: PLC0415 -- slow to import, and a plan on SQLite needs none of it
    from sqlalchemy.exc import ArgumentError  # noqa: PLC0415 -- the same

    hint = "Write sqlite:///FOLDER/FILE.db or postgresql+psycopg://USER@HOST/DATABASE"
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise UsageError("The database URL cannot be read.", hint=hint) from error
    if parsed.drivername in _POSTGRES:
        _require_psycopg()
        parsed = parsed.set(drivername="postgresql+psycopg")
        return Place(parsed.render_as_string(hide_password=False), None, parsed.render_as_string(hide_password=True))
    if parsed.drivername != "sqlite":
        raise UsageError(f"{parsed.drivername} is not a database that mvops can use.", hint=hint)
    raise UsageError("An SQLite URL must name a file, and nothing else.", hint=hint)


def _require_psycopg() -> None:
    try:
        found = importlib.util.find_spec("psycopg") is not None
    except ValueError:  # the module was switched off in sys.modules
        found = False
    if not found:
        raise MissingExtraError("A database on PostgreSQL", "postgres")


def prepare_folder(file: Path) -> None:
    """Make the project's own `.mvops` folder, or one inside, if it is missing; any other folder must exist."""
    own = next((folder for folder in file.parents if folder.name == ".mvops"), None)
    if own is not None and own.parent.is_dir():
        file.parent.mkdir(parents=True, exist_ok=True)
    if not file.parent.is_dir():
        raise RegistryError(
            f"The folder for the database does not exist: {file.parent}", hint=f"Create it: mkdir -p '{file.parent}'"
        )


def check_file(file: Path) -> None:
    """Refuse a file that is no complete SQLite database, before SQLite could write to it.

    SQLite itself takes an empty file for a new database, and a file that lost its last bytes for a good one.
    """
    try:
        header, size = _beginning(file)
    except OSError as error:
        raise RegistryError(
            f"The database cannot be read: {error.strerror or error}", where=Where(file), hint="Check the permissions."
        ) from error
    if not header.startswith(_MAGIC) or len(header) < _HEADER:
        what = "is empty" if not header else "is not an SQLite database"
        raise damaged(file, f"The file {what}.")
    expected = _expected_size(header)
    if not has_content(wal_of(file)) and expected is not None and size < expected:
        raise damaged(file, f"The database is truncated: it has {size} of {expected} bytes.")


def _beginning(file: Path) -> tuple[bytes, int]:
    """Its header and size, read through a handle that stays open as long as the process.

    Closing a handle of a file takes away every lock that the process holds on it, and those of SQLite's connections are
    among them (sqlite.org/howtocorrupt.html, section 2.2).
    """
    found = file.stat()
    handle = _HANDLES.get((found.st_dev, found.st_ino))
    if handle is None:
        handle = os.open(file, os.O_RDONLY)
        found = os.fstat(handle)
        _HANDLES[found.st_dev, found.st_ino] = handle
    return os.pread(handle, _HEADER, 0), found.st_size


def check_absent(file: Path) -> None:
    """Refuse to start anew where the database is gone but its write-ahead log is still there."""
    if has_content(wal_of(file)):
        raise damaged(file, f"The database is gone, but its log {wal_of(file).name} is still there.")


def damaged(file: Path, message: str) -> RegistryError:
    """The error for a file that is not what it should be, and the way out."""
    copy = newest_copy(file)
    way_out = (
        f"Its last good copy is {copy.name}, of {time_of(copy):%Y-%m-%d %H:%M} UTC: mvops state restore"
        if copy
        else "Restore the file from a backup, or move it away to start a new one."
    )
    return RegistryError(message, where=Where(file), hint=f"mvops does not touch it. {way_out}")


def identity(file: Path) -> tuple[int, int] | None:
    """Device and inode, by which a file is known from another one that has taken its place; None where there is none.

    An open database goes on being written where its file was removed or renamed, and nobody would find it again.
    """
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def wal_of(file: Path) -> Path:
    """SQLite's write-ahead log beside `file`."""
    return file.with_name(f"{file.name}-wal")


def has_content(path: Path) -> bool:
    """Is there a file with anything in it."""
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


def _expected_size(header: bytes) -> int | None:
    page, change_counter, pages = struct.unpack_from(">H6xII", header, 16)
    (valid_for,) = struct.unpack_from(">I", header, 92)
    if change_counter != valid_for:  # an old writer did not keep the page count
        return None
    return int(pages) * (65536 if page == 1 else int(page))
