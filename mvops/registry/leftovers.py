"""Files that were edited by hand and so stayed when their resource was taken away, as the journal tells it."""

from __future__ import annotations

import json
from typing import Any

from mvops.registry.database import Registry


def left_behind(registry: Registry) -> dict[str, dict[str, str]]:
    """Address -> path -> digest of the text that the file descends from; nothing of what was made again since."""
    deletions = registry.rows(
        "SELECT entry, action, outputs FROM mvops_journal"
        " WHERE status = 'finished' AND action LIKE :delete ORDER BY entry",
        delete='%"delete"%',
    )
    found: dict[str, tuple[int, dict[str, str]]] = {}
    for entry, text, outputs in deletions:
        action = json.loads(text)
        if action["verb"] == "delete":
            found[action["address"]] = entry, _left(action, json.loads(outputs or "{}"))
    return {where: left for where, (entry, left) in found.items() if left and not _done_since(registry, where, entry)}


def _left(action: dict[str, Any], outputs: dict[str, str]) -> dict[str, str]:
    """Of a file in a conflict that nobody resolved, an older text than the one that was generated last."""
    stayed = [change["path"] for change in action.get("files", ()) if change["verb"] == "leave"]
    recorded = action["before"]["files"] | json.loads(outputs.get("bases", "{}")) if stayed else {}
    return {path: recorded[path] for path in stayed if path in recorded}


def _done_since(registry: Registry, where: str, entry: int) -> bool:
    later = "SELECT action FROM mvops_journal WHERE status = 'finished' AND entry > :entry AND action LIKE :named"
    return any(
        json.loads(text)["address"] == where for (text,) in registry.rows(later, entry=entry, named=f'%"{where}"%')
    )
