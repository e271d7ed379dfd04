"""What a tracker is told of a model: the newest of its history."""

from __future__ import annotations

from typing import NamedTuple

from mvops.registry import rollouts
from mvops.registry.database import Registry
from mvops.registry.runs import runs
from mvops.registry.versions import champion, versions

_RUNS = 100  # the newest; older ones stay where they were told
_VERSIONS = 50


class History(NamedTuple):
    """`runs` are the ids of those that ended, oldest first; `versions` maps numbers to the sha256 of their artefact."""

    runs: tuple[str, ...]
    versions: dict[int, str]
    aliases: dict[str, int]


def history(registry: Registry, model: str) -> History:
    """As the registry stands. A version that an alias points to is among the versions, however old."""
    finished = [run.id for run in runs(registry, model, _RUNS) if run.finished and run.step is None]
    aliases = _aliases(registry, model)
    newest = versions(registry, model)
    kept = {listed.number: listed for listed in newest[-_VERSIONS:]}
    kept |= {listed.number: listed for listed in newest if listed.number in aliases.values()}
    told = {number: str(kept[number].document()["artifact"]["sha256"]) for number in sorted(kept)}
    return History(tuple(reversed(finished)), told, aliases)


def _aliases(registry: Registry, model: str) -> dict[str, int]:
    serving, running = champion(registry, model), rollouts.current(registry, model)
    found = {"champion": serving.number} if serving else {}
    return found | ({"challenger": running.challenger} if running else {})
