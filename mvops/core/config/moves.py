"""Renames that the project declares: what is known of a model goes by another name from now on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field

from mvops.core.frozen import Frozen
from mvops.core.naming import check_name

_KIND = "model"


def check_moved(text: str) -> str:
    """Return the address of a model; raise ValueError that says what one looks like."""
    kind, dot, name = text.partition(".")
    if not dot or kind != _KIND:
        named = name if dot else text
        raise ValueError(
            f"{text!r} is not renamed by itself: write {_KIND}.{named}, and what belongs to the model goes with it"
        )
    check_name(name)
    return text


class Moved(Frozen):
    """One rename: `{from: model.old, to: model.new}`. Once it is done it does nothing more, and may stay or go."""

    model_config = ConfigDict(serialize_by_alias=True)

    from_: Annotated[str, AfterValidator(check_moved)] = Field(alias="from")
    to: Annotated[str, AfterValidator(check_moved)]

    @property
    def old(self) -> str:
        """The name of the model that was."""
        return self.from_.partition(".")[2]

    @property
    def new(self) -> str:
        """Its name now."""
        return self.to.partition(".")[2]


def ends(moved: Iterable[Moved]) -> dict[str, tuple[str, int]]:
    """Old name -> the name at the end of its chain of renames, and the index of the entry that says so.

    A chain that comes back to where it began has no end, and is left out.
    """
    steps = {entry.old: (entry.new, index) for index, entry in enumerate(moved)}
    found: dict[str, tuple[str, int]] = {}
    for old, step in steps.items():
        last, passed = step, {old}
        while last[0] in steps and last[0] not in passed:
            passed.add(last[0])
            last = steps[last[0]]
        if last[0] not in passed:
            found[old] = last
    return found
