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

_FORMAT = 3
_MOST_FILES = 32


def folder(root: Path) -> Path:
    """Where the project in `root` keeps them."""
    return root / ".mvops" / "cache" / "config"


def stored(root: Path, fingerprint: str) -> tuple[dict[str, Any], list[dict[str, str]]] | None:
    """The values that were composed from exactly these files and overrides, and their clashes; None if not whole."""
    try:
        kept = json.loads((folder(root) / f"{fingerprint}.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(kept, dict) or kept.get("format_version") != _FORMAT:
        return None
    values, clashes = kept.get("values"), kept.get("clashes")
    return (values, clashes) if isinstance(values, dict) and isinstance(clashes, list) else None


def store(root: Path, fingerprint: str, values: dict[str, Any], clashes: list[dict[str, str]]) -> None:
    """Keep the values in the order of the YAML, atomically, and let the oldest go."""
    kept = {"format_version": _FORMAT, "values": values, "clashes": clashes}
    text = json.dumps(kept, ensure_ascii=False, allow_nan=False)
    with suppress(OSError):
        write_atomically(folder(root) / f"{fingerprint}.json", text.encode(), mode=0o600, lasting=False)
        _prune(root)


def _prune(root: Path) -> None:
    def age(path: Path) -> float:
        return path.stat().st_mtime

    for old in sorted(folder(root).glob("*.json"), key=age)[:-_MOST_FILES]:
        old.unlink(missing_ok=True)
