"""Whole copies of an SQLite registry, kept beside it."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from mvops.atomic import sync_folder, write_atomically
from mvops.errors import RegistryError, Where

KEPT = 3  # schemas that there is a copy of


def keep_before_migration(file: Path, revision: str) -> Path:
    """Copy what is committed to `<file>.schema-<revision>-<time>.bak`; an older copy of that schema goes.

    The caller holds the write lock, so that nothing is committed between the copy and the migration. Raises
    RegistryError where the copy cannot be written.
    """
    time = datetime.now(UTC)
    copy = file.with_name(f"{file.name}.schema-{revision}-{time:%Y%m%dT%H%M%SZ}.bak")
    _write(file, copy)
    for superseded in (old for old in _of_schemas(file, revision) if old != copy):
        superseded.unlink(missing_ok=True)
    for old in _of_schemas(file)[:-KEPT]:
        old.unlink(missing_ok=True)
    return copy


def keep_last_good(file: Path, lineage: str) -> Path | None:
    """Copy what is committed to `<file>.bak`, in the place of the last such copy. Raises RegistryError.

    One of a registry of another lineage, which was lost or exchanged, is all that is left of that: it stays as
    `<file>.former-<time>.bak`, which is returned.
    """
    copy = file.with_name(f"{file.name}.bak")
    known = identity(copy) if copy.exists() else None
    former = None
    if known is not None and known[0] != lineage:
        former = copy.replace(file.with_name(f"{file.name}.former-{time_of(copy):%Y%m%dT%H%M%SZ}.bak"))
    _write(file, copy)
    return former


def newest_copy(file: Path) -> Path | None:
    """The copy that was made last."""
    return max(file.parent.glob(copies_of(file)), key=time_of, default=None)


def copies_of(file: Path) -> str:
    """The pattern of its copies' names."""
    return f"{_literally(file.name)}*.bak"


def time_of(copy: Path) -> datetime:
    """When it was made."""
    return datetime.fromtimestamp(copy.stat().st_mtime, UTC)


def put_in_place(copy: Path, file: Path) -> list[Path]:
    """Make `file` what `copy` is; what was there goes to `<name>.replaced-<time>`, and is returned.

    At each moment of it either the registry or what tells that there was one is there. Raises RegistryError.
    """
    suffix = f".replaced-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    there = [file.with_name(file.name + end) for end in ("", "-wal", "-shm", "-journal")]
    try:
        aside = [path.replace(path.with_name(path.name + suffix)) for path in there if path.exists()]
        write_atomically(file, copy.read_bytes())
        mark_of(file).unlink(missing_ok=True)
    except OSError as error:
        raise RegistryError(
            f"The copy cannot be put in place: {error.strerror or error}.",
            where=Where(copy),
            hint="Check the permissions of the folder and the space on the disk, then type it again.",
        ) from error
    return aside


def identity(file: Path) -> tuple[str, int] | None:
    """Lineage and serial of a registry that nobody has open; None for one of an old schema, or none at all."""
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            lineage, serial = connection.execute("SELECT lineage, serial FROM mvops_registry").fetchone()
    except (sqlite3.Error, TypeError):
        return None
    return str(lineage), int(serial)


def versions_in(file: Path) -> set[tuple[int, str]] | None:
    """Number and run of each version in a registry that nobody has open; None where that cannot be read."""
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            return set(connection.execute("SELECT number, run FROM mvops_versions").fetchall())
    except sqlite3.Error:
        return None


def mark_of(file: Path) -> Path:
    """Where the registry's mark is, see `marker`."""
    return file.with_name(f"{file.name}.mark")


def _of_schemas(file: Path, revision: str = "*") -> list[Path]:
    """Copies from before migrations, by schema and then by time."""
    return sorted(file.parent.glob(f"{_literally(file.name)}.schema-{revision}-*.bak"))


def _literally(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def _write(file: Path, copy: Path) -> None:
    """A copy that appears whole or not at all; one that is damaged does not take a good one's place."""
    draft = copy.with_name(f".{copy.name}.part")
    try:
        draft.unlink(missing_ok=True)  # a killed process left it
        _copy(file, draft)
        draft.replace(copy)
        sync_folder(copy.parent)
    except (sqlite3.Error, OSError) as error:
        reason = getattr(error, "strerror", None) or error
        raise RegistryError(
            f"The registry cannot be copied: {reason}.",
            where=Where(copy),
            hint="Check the permissions of the folder and the space on the disk; the registry was not changed.",
        ) from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def _copy(file: Path, draft: Path) -> None:
    with (
        closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(draft, isolation_level=None)) as target,
    ):
        source.backup(target)
        target.execute("PRAGMA journal_mode = DELETE")  # the copy is one file, nothing beside it
        (found,) = target.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise sqlite3.DatabaseError(found)
