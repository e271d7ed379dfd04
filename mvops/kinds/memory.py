"""What earlier plans worked out, by the digest of all that it was made of: a plan works out only what is new.

`.mvops/cache/plan.json` may be deleted at any time. A file that cannot be read or written is as good as none.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import mvops
from mvops import assets
from mvops.atomic import write_atomically
from mvops.core.canonical import digest

_FORMAT = 1
_INSTALLED = ("site-packages", "dist-packages")


class Memory:
    """Values of JSON in one file. What the last plan did not ask for is forgotten."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._code = code_state()
        self._known = _read(file, self._code)
        self._asked: dict[str, Any] = {}

    def recall(self, key: str) -> Any:
        """What was kept under `key`; None for nothing."""
        found = self._known.get(key)
        if found is not None:
            self._asked[key] = found
        return found

    def keep(self, key: str, value: Any) -> None:
        """Keep it for the next plan, once this one has come to its end."""
        self._asked[key] = value

    def save(self) -> None:
        """Write down what this plan asked for, if that is not what is there."""
        if self._asked.keys() == self._known.keys() and all(
            self._known[key] is self._asked[key] for key in self._known
        ):
            return
        kept = {"format_version": _FORMAT, "code": self._code, "known": self._asked}
        with suppress(OSError, ValueError):
            write_atomically(self._file, json.dumps(kept, allow_nan=False).encode(), lasting=False)


def code_state() -> str:
    """Names the code that works things out: mvops', its templates, and what is installed beside it.

    Code is told by size and time, as Python tells whether its bytecode is still good.
    """
    folders = [Path(mvops.__file__).parent, assets.templates(), *assets.packages().values()]
    files = [each for folder in folders for each in _stamps(str(folder))]
    files += [_stamp(path) for path in assets.lone_modules()]
    installed = [_changed(folder) for folder in sys.path if folder.endswith(_INSTALLED)]
    return digest([mvops.__version__, sys.version, installed, sorted(files)])


def _stamps(folder: str) -> Iterator[list[Any]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                if entry.name != "__pycache__":
                    yield from _stamps(entry.path)
            else:
                yield _stamp(entry)


def _stamp(file: os.DirEntry[str] | Path) -> list[Any]:
    state = file.stat()
    return [os.fspath(file), state.st_size, state.st_mtime_ns]


def _changed(folder: str) -> int:
    with suppress(OSError):
        return os.stat(folder or ".").st_mtime_ns  # noqa: PTH116 -- faster than a Path for each
    return 0


def _read(file: Path, code: str) -> dict[str, Any]:
    try:
        kept = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(kept, dict) or kept.get("format_version") != _FORMAT or kept.get("code") != code:
        return {}
    known = kept.get("known")
    return known if isinstance(known, dict) else {}
