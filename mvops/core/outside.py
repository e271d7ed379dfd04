"""What was changed outside of mvops, and whether the YAML can say the same."""

from __future__ import annotations

from typing import Literal

from pydantic import JsonValue

from mvops.core.action import Change
from mvops.core.address import Address
from mvops.core.frozen import Frozen

KeyPath = tuple[str | int, ...]


def differs(change: Change) -> str:
    """A field that is another one than it should be."""
    now, wanted = ("absent" if value is None else str(value) for value in (change.after, change.before))
    return f"{change.field} is {now}, should be {wanted}"


class Accepted(Frozen):
    """A value of the YAML that says what is there now: `path` in the spec; `gone` takes the key out."""

    path: KeyPath
    value: JsonValue = None
    gone: bool = False


class Outside(Frozen):
    """One thing that was changed. `accepted` makes it wanted; where that is None, `why_not` says what there is to do.

    A file is `yours` once it was edited: there is nothing to revert.
    """

    address: Address
    what: str
    accepted: Accepted | None = None
    why_not: str = ""
    whose: Literal["ours", "yours"] = "ours"
