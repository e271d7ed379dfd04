"""What became of the versions that do not answer: refused by their gate, rolled back or superseded, and why."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from mvops.registry import rollouts
from mvops.registry.database import Registry
from mvops.registry.events import events
from mvops.registry.versions import champions

WAY_BACK = re.compile(r"rolled back (from version|to state) \d+")
_SUPERSEDED = "superseded by version "
_LONGEST = 160  # characters of a reason


class Fate(NamedTuple):
    """`state` is refused, rolled back or superseded; nothing of a version that served until another took over."""

    state: str = ""
    why: str = ""


NONE = Fate()


def fates(registry: Registry, model: str) -> dict[int, Fate]:
    """Version -> the last that became of it; a version that there is nothing to say of is left out."""
    last = {number: fate for _, number, fate in sorted(_all(registry, model), key=lambda found: found[0])}
    return {number: fate for number, fate in last.items() if fate.state}


def _all(registry: Registry, model: str) -> Iterator[tuple[datetime, int, Fate]]:
    for event in reversed(events(registry, limit=None, subject=model, kind="gate")):
        said = event.details
        failed = "; ".join(said.get("failed", ())) or f"see `mvops versions show {model} {said['version']}`"
        yield event.time, said["version"], NONE if said["passed"] else Fate("refused", failed)
    for state in rollouts.rollouts(registry, model):
        if state.status == "aborted" and state.finished is not None:
            yield state.finished, state.challenger, _aborted(state.reason)
    before = None
    for reign in champions(registry, model):
        yield reign.since, reign.number, NONE
        if before is not None and WAY_BACK.match(reign.reason):
            yield reign.since, before, Fate("rolled back", f"to version {reign.number}")
        before = reign.number


def _aborted(reason: str) -> Fate:
    if reason.startswith(_SUPERSEDED):
        return Fate("superseded", reason.removeprefix("superseded "))
    why = reason.removeprefix("rolled back ")
    return Fate("rolled back", why if len(why) <= _LONGEST else f"{why[:_LONGEST].rstrip()}…")
