"""What processes that serve the same model on this machine tell each other: their counts, in a file each.

Counts are for decisions about rollouts, not for the record: nothing is synced, and a crash may cost the last moment.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from mvops.serving.ownership import COUNTS


def publish(folder: Path, counts: dict[str, Any]) -> None:
    """Leave counts in a process's own folder. A disk that refuses is not worth an error here."""
    draft = folder / f"{COUNTS}.part"
    with contextlib.suppress(OSError):
        draft.write_bytes(orjson.dumps(counts))
        draft.replace(folder / COUNTS)


def of_others(folder: Path) -> Iterator[dict[str, Any]]:
    """The counts in all folders beside this one."""
    for path in folder.parent.glob(f"*/{COUNTS}"):
        if path.parent == folder:
            continue
        with contextlib.suppress(OSError, ValueError):
            yield orjson.loads(path.read_bytes())
