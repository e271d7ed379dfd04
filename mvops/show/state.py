"""What is on record, as text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mvops.core.environment import wording
from mvops.core.state import Record
from mvops.registry.events import Event
from mvops.show.history import approved


def record_line(record: Record) -> str:
    """A resource and what its last action left."""
    left = ", ".join(f"{key} {value}" for key, value in sorted(record.outputs.items()) if 0 < len(value) < 40)
    return f"{record.address:<32} {left}".rstrip()


def waiting_line(addresses: Sequence[str]) -> str:
    """What the YAML wants besides."""
    lead = "1 resource is" if len(addresses) == 1 else f"{len(addresses)} resources are"
    return f"note: {lead} in the YAML and not applied yet: {', '.join(addresses)}; see: mvops plan"


def elsewhere_lines(
    model: str, name: str, others: Sequence[str], unseen: Mapping[str, str], *, listed: bool
) -> Iterator[str]:
    """Where a model that was renamed is still on record by its old name, and what to do there.

    `listed` says that the YAML has a list of what has moved.
    """
    for environment in others:
        where = _environment(environment)
        again = f"{wording(environment)['typed']} apply" if environment else "apply without --env"
        entry = f"{{from: model.{model}, to: model.{name}}}"
        add = ", in its `moved`" if listed else ""
        yield f"note: {where} still has model.{model} on record: say in configs/project.yaml{add}"
        yield f"    - {entry}" if listed else f"    moved: [{entry}]"
        yield f"then: {again}, which renames it there and trains nothing"
    for environment, why in unseen.items():
        yield f"note: whether {_environment(environment)} has model.{model} on record is not known: {why}"


def _environment(name: str) -> str:
    return f"the environment {name}" if name else "the project without an environment"


def record_lines(record: Record, last: Event | None) -> Iterator[str]:
    """Who had it applied last, every field that was made, then what was left."""
    yield record.address
    if last is not None:
        yield f"  applied {last.time:%Y-%m-%d %H:%M} UTC by {last.actor}{approved(last)}"
    for title, fields in (("made", record.spec), ("left", record.outputs)):
        if fields:
            yield f"  {title}"
        for key, value in sorted(fields.items()):
            if title == "left" and not value:
                continue
            yield f"    {key}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"


def applied_json(last: Event | None) -> dict[str, Any] | None:
    """The apply that last did something to it: when, by whom, how somebody said yes, and who signed."""
    if last is None:
        return None
    known = {key: last.details.get(key) for key in ("command", "plan", "approval", "signed_by")}
    return {"time": last.time.isoformat(), "actor": last.actor, **known}
