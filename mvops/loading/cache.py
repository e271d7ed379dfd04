"""Composed values kept between commands, so that Hydra (0.3 s) is needed only when some YAML has changed.

`.mvops/cache/config/<fingerprint>.json` may be deleted at any time. A file that cannot be read or written is as good
as none. Only what was valid is ever stored.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from mvops.atomic import write_atomically

_FORMAT = 2
_MOST_FILES = 32


def folder(root: Path) -> Path:
    """Where the project in `root` keeps them."""
    return root / ".mvops" / "cache" / "config"


def stored(root: Path, fingerprint: str) -> dict[str, Any] | None:
    """The values that were composed from exactly these files and overrides, if they are there and whole."""
    try:
        kept = json.loads((folder(root) / f"{fingerprint}.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(kept, dict) or kept.get("format_version") != _FORMAT:
        return None
    values = kept.get("values")
    return values if isinstance(values, dict) else None


def store(root: Path, fingerprint: str, values: dict[str, Any]) -> None:
    """Keep the values in the order of the YAML, atomically, and let the oldest go."""
    text = json.dumps({"format_version": _FORMAT, "values": values}, ensure_ascii=False, allow_nan=False)
    with suppress(OSError):
        write_atomically(folder(root) / f"{fingerprint}.json", text.encode(), mode=0o600, lasting=False)
        _prune(root)


def _prune(root: Path) -> None:
    def age(path: Path) -> float:
        return path.stat().st_mtime

    for old in sorted(folder(root).glob("*.json"), key=age)[:-_MOST_FILES]:
        old.unlink(missing_ok=True)
