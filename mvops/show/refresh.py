"""What was changed outside, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mvops.core.outside import Outside


def outside_lines(found: Sequence[Outside]) -> Iterator[str]:
    """A line for each change, and what can be done about it."""
    width = max((len(each.address) for each in found), default=0)
    for each in found:
        yield f"  {'!' if each.whose == 'ours' else ' '} {each.address:<{width}}  {each.what}"
        yield f"      {_way(each)}"
    if not found:
        yield "Nothing was changed outside of mvops."


def outside_json(found: Sequence[Outside]) -> dict[str, Any]:
    """The same as data."""
    return {"outside": [each.model_dump(mode="json") for each in found]}


def _way(each: Outside) -> str:
    if each.accepted is None:
        return each.why_not if each.whose == "yours" else f"cannot be accepted: {each.why_not}"
    key = ".".join(map(str, each.accepted.path))
    return (
        f"--accept takes {key} out of the YAML"
        if each.accepted.gone
        else f"--accept writes {key}: {each.accepted.value}"
    )
