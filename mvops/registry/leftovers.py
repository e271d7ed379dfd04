"""Files that stayed when their resource was taken away, edited by hand, or was forgotten."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from mvops.registry.database import Registry


def left_behind(registry: Registry) -> dict[str, dict[str, str]]:
    """Address -> path -> digest of the text that the file descends from; nothing of what was made again since."""
    found = dict(_taken_away(registry))
    for where, entry, left in _forgotten(registry):
        if where not in found or found[where][0] <= entry:
            found[where] = entry, left
    return {where: left for where, (entry, left) in found.items() if left and not _done_since(registry, where, entry)}


def kept_of(registry: Registry, spec: Mapping[str, Any], outputs: Mapping[str, str]) -> dict[str, Any]:
    """What the event of a resource that is forgotten says, so that its files are known again once it is wanted."""
    ((entry,),) = registry.rows("SELECT max(entry) FROM mvops_journal")
    files = spec.get("files")  # of a dataset, how many there are
    if not files or not isinstance(files, Mapping):
        return {"entry": entry or 0}
    return {"files": {**files, **json.loads(outputs.get("bases", "{}"))}, "entry": entry or 0}


def forgotten(registry: Registry) -> set[str]:
    """The addresses that `state forget` took off the record, and that nothing was done with since."""
    found: dict[str, int] = {}
    for where, text in registry.rows("SELECT subject, details FROM mvops_events WHERE kind = 'forget' ORDER BY id"):
        found[where] = json.loads(text).get("entry", 0)
    return {where for where, entry in found.items() if not _done_since(registry, where, entry)}


def _forgotten(registry: Registry) -> Iterator[tuple[str, int, dict[str, str]]]:
    """Address, the last entry of the journal before, and the files; the newest last."""
    for where, text in registry.rows("SELECT subject, details FROM mvops_events WHERE kind = 'forget' ORDER BY id"):
        details = json.loads(text)
        if "files" in details:
            yield where, details["entry"], details["files"]


def _taken_away(registry: Registry) -> Iterator[tuple[str, tuple[int, dict[str, str]]]]:
    deletions = registry.rows(
        "SELECT entry, action, outputs FROM mvops_journal"
        " WHERE status = 'finished' AND action LIKE :delete ORDER BY entry",
        delete='%"delete"%',
    )
    for entry, text, outputs in deletions:
        action = json.loads(text)
        if action["verb"] == "delete":
            yield action["address"], (entry, _left(action, json.loads(outputs or "{}")))


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
