"""What is looked at outside of the spec while a plan is made, so that the next one can see that it is still so.

Whoever looks says so here, with what was found; outside of `witnessing` that costs nothing. What cannot be looked at
again quickly, such as a server, spoils the list: then the next plan looks at everything.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any


class Witness:
    """What was found, by the kind of look and where: values of JSON. `spoiled` says why it is of no use, if it is."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, str], Any] = {}
        self.spoiled = ""


_WITNESS: ContextVar[Witness | None] = ContextVar("_WITNESS", default=None)


@contextmanager
def witnessing() -> Iterator[Witness]:
    """The list of what is looked at meanwhile, in this thread."""
    witness = Witness()
    before = _WITNESS.set(witness)
    try:
        yield witness
    finally:
        _WITNESS.reset(before)


def note(kind: str, where: str | Path, value: Any) -> None:
    """This look has found `value`."""
    witness = _WITNESS.get()
    if witness is not None and witness.found.setdefault((kind, str(where)), value) != value:
        witness.spoiled = f"{where} changed meanwhile"


def spoil(why: str) -> None:
    """Something was looked at that is not on the list."""
    witness = _WITNESS.get()
    if witness is not None:
        witness.spoiled = why


def is_noting() -> bool:
    """Is there a list."""
    return _WITNESS.get() is not None


def note_content(path: Path, content: bytes | None) -> None:
    """A file holds this; None for no file."""
    if is_noting():
        note("content", path, None if content is None else hashlib.sha256(content).hexdigest())


def is_file(path: Path) -> bool:
    """Is there such a file; no for what can be no file's name."""
    return what_is(path) == "file"


def is_folder(path: Path) -> bool:
    """Is there such a folder."""
    return what_is(path) == "folder"


def what_is(path: Path) -> str:
    """Either file, folder, other, or empty for nothing."""
    try:
        found = "file" if path.is_file() else "folder" if path.is_dir() else "other" if path.exists() else ""
    except (OSError, ValueError):
        found = ""
    note("what", path, found)
    return found


def matching(folder: Path, pattern: str) -> list[Path]:
    """What in `folder` has a name like that, sorted."""
    found = sorted(folder.glob(pattern))
    note("matching", json.dumps([os.fspath(folder), pattern]), [os.fspath(path) for path in found])
    return found


def resolved(path: Path) -> Path:
    """Where the path leads, once all links are followed."""
    found = path.resolve()
    note("leads", path, os.fspath(found))
    return found
