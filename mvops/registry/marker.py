"""A line beside an SQLite registry that says how far it had come.

SQLite takes an empty file for a new database, and one that lost its write-ahead log for an old but good one. So each
change of the records is noted in `<file>.mark`, too, and a registry that is not the one of its mark is refused.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from mvops.registry.copies import mark_of
from mvops.registry.places import damaged


def mark(file: Path, lineage: str, serial: int) -> None:
    """Note a change of the records that is committed.

    One small write in place: a killed process leaves the mark as it was, one that is too old harms nobody.
    """
    with suppress(OSError):  # the change is done; without its mark less is noticed, and no more
        handle = os.open(mark_of(file), os.O_WRONLY | os.O_CREAT, 0o666)
        try:
            os.write(handle, f"{lineage} {serial:012}\n".encode())
        finally:
            os.close(handle)


def marked(file: Path) -> tuple[str, int] | None:
    """Lineage and serial as last noted; None where nothing is, or nothing that can be read."""
    try:
        lineage, serial = mark_of(file).read_text(encoding="utf-8").split()
        return lineage, int(serial)
    except (OSError, ValueError):
        return None


def check_there(file: Path) -> None:
    """Refuse to begin anew where a registry was."""
    if marked(file) is not None:
        raise damaged(file, f"The registry is gone; that it was here says {mark_of(file).name}.")


def check_mark(file: Path, noted: tuple[str, int] | None, lineage: str, serial: int) -> None:
    """Refuse another registry than the one that was here, and one that is older than it was.

    `noted` was read before the registry was asked for its lineage and serial, so that it cannot be ahead of them.
    """
    if noted is None:
        return
    if lineage != noted[0]:
        raise damaged(file, "This is another registry than the one that was here.")
    if serial < noted[1]:
        raise damaged(
            file,
            f"The registry is older than it was: change {serial} of its records is its last, and there were {noted[1]}."
            f" Was it copied or kept without its log, {file.name}-wal?",
        )
