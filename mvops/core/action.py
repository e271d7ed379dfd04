"""A plan's lines."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import Field

from mvops.core.address import Address
from mvops.core.code_change import CodeChange
from mvops.core.file_change import FileChange
from mvops.core.former import Back
from mvops.core.frozen import Frozen

NOT_SET = "not set"  # what people read for a value that there is not, old or new


class Verb(StrEnum):
    """What is done to a resource."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    REPAIR = "repair"
    ADOPT = "adopt"
    FORGET = "forget"
    KEEP = "keep"
    MOVE = "move"  # goes by another name from now on
    CONFLICT = "conflict"  # exists, is not ours, and differs: a plan that holds one is refused


SYMBOLS = {
    Verb.CREATE: "+",
    Verb.UPDATE: "~",
    Verb.REPLACE: "±",
    Verb.DELETE: "-",
    Verb.REPAIR: "!",
    Verb.ADOPT: "=",
    Verb.FORGET: "·",
    Verb.KEEP: " ",
    Verb.MOVE: "→",
    Verb.CONFLICT: "x",
}


class Change(Frozen):
    """One field, old and new; nested fields are dotted. None means absent."""

    field: str
    before: Any
    after: Any


class Action(Frozen):
    """One line of a plan. `reason` is for machines, `because` for people.

    `code` is what changed in a pipeline's code. `files` are the generated files that change or were edited by hand,
    `templates` the digests of what they are made from.
    """

    verb: Verb
    address: Address
    reason: str
    because: str
    changes: tuple[Change, ...] = ()
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    needs: tuple[Address, ...] = ()
    details: tuple[str, ...] = ()  # more lines for people, such as a pipeline's steps
    code: tuple[CodeChange, ...] = ()
    files: tuple[FileChange, ...] = ()
    templates: dict[str, str] = Field(default_factory=dict)
    back: Back | None = None  # goes back to a former state

    @property
    def changes_the_world(self) -> bool:
        """False for what is kept and for what is only written down."""
        return self.verb not in {Verb.KEEP, Verb.ADOPT, Verb.FORGET}


def differences(before: Any, after: Any, prefix: str = "") -> tuple[Change, ...]:
    """The leaves in which two JSON values differ, sorted by field."""
    if isinstance(before, dict) and isinstance(after, dict):
        found: list[Change] = []
        for key in sorted(before.keys() | after.keys()):
            found += differences(before.get(key), after.get(key), f"{prefix}.{key}" if prefix else key)
        return tuple(found)
    return () if before == after else (Change(field=prefix, before=before, after=after),)
