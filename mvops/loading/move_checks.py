"""Renames that cannot all be true: what is wrong with `moved`."""

from __future__ import annotations

from collections.abc import Iterator

from mvops.core.config.moves import ends
from mvops.core.config.project import Project
from mvops.loading.positions import Positions
from mvops.loading.problems import Place, Problem

_OLD_ENTRY = "a rename that is done may be taken out of `moved`."


def move_problems(project: Project, positions: Positions) -> Iterator[Problem]:
    """A name that was left or taken twice, renames in a ring, and a model that is still there by its old name."""
    left: dict[str, str] = {}
    taken: dict[str, str] = {}
    finished = ends(project.moved)
    for index, entry in enumerate(project.moved):
        was, now = (_place(positions, index, key) for key in ("from", "to"))
        if entry.from_ in left:
            message = f"{entry.from_} has moved twice, to {left[entry.from_]} and to {entry.to}"
            yield Problem(was, message, "One of the two is right; take the other out.")
        elif entry.to in taken:
            message = f"{entry.to} is the new name of two, {taken[entry.to]} and {entry.from_}"
            yield Problem(now, message, f"A name is taken once; {_OLD_ENTRY}")
        elif entry.old not in finished:
            yield Problem(
                was, f"{entry.from_} moves in a ring and never comes to an end", f"Name the last one only; {_OLD_ENTRY}"
            )
        elif entry.old in project.models:
            message = f"{entry.from_} has moved to {entry.to}, but models.{entry.old} is still there"
            remedy = f"Rename its YAML to {entry.new}. If it is another model now: {_OLD_ENTRY}"
            yield Problem(was, message, remedy)
        left[entry.from_], taken[entry.to] = entry.to, entry.from_


def _place(positions: Positions, index: int, key: str) -> Place | None:
    path = ("moved", index, key)
    return positions.find(path) or positions.nearest(path)
