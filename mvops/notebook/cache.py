"""The content cache of steps: what a step made, under the digest of everything that it read."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mvops.atomic import content_at, write_atomically
from mvops.notebook.results import Store

FORMAT = 1


@dataclass(frozen=True)
class Entry:
    """What a step made: `values` as in its `values.json`, names that did not exist, the executed notebook's sha256.

    `files` are those that it wrote (path below the project -> content), looked at where there are several notebooks.
    """

    step: str
    values: dict[str, dict[str, Any]]
    absent: tuple[str, ...]
    notebook: str
    seconds: float
    files: dict[str, str] = field(default_factory=dict)

    def has(self, names: Iterable[str]) -> bool:
        """Does it answer for all of these names?"""
        return all(name in self.values or name in self.absent for name in names)


class StepCache:
    """A folder with one small file for each key, written only after the step succeeded."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "steps"

    def get(self, key: str) -> Entry | None:
        """The entry under `key`; None also if its file is damaged or of another format."""
        try:
            raw = json.loads((content_at(self._path(key)) or b"").decode())
            if raw.pop("format_version") != FORMAT:
                return None
            return Entry(**{**raw, "absent": tuple(raw["absent"])})
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def usable(self, key: str, names: Iterable[str], store: Store | None) -> Entry | None:
        """The entry under `key` if it answers for `names` and its content is still in the store."""
        entry = self.get(key)
        if entry is None or not entry.has(names):
            return None
        wanted = {entry.notebook, *(value["sha256"] for value in entry.values.values())}
        return entry if store is None or store.present(wanted) == wanted else None

    def put(self, key: str, entry: Entry) -> None:
        """Keep an entry, all of it or nothing. One that a power cut takes away is worth nothing but time."""
        content = json.dumps({"format_version": FORMAT, **asdict(entry)}, indent=1, sort_keys=True)
        write_atomically(self._path(key), content.encode(), lasting=False)

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key[2:]}.json"
