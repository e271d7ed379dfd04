"""A plan: actions in the order in which they are done. Pure, and the same bytes for the same inputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from graphlib import CycleError, TopologicalSorter
from typing import Literal

from pydantic import Field

from mvops.core.action import SYMBOLS, Action, Verb
from mvops.core.address import Address
from mvops.core.canonical import digest
from mvops.core.frozen import Frozen
from mvops.core.policies import Objection
from mvops.core.scope import WHOLE, Scope, is_drift
from mvops.errors import SpecError


class Plan(Frozen):
    """`made_on` is the state's serial, `lineage` its project: a plan is refused on any other.

    `notices` are sentences about what is not acted upon, such as a capability that the preset leaves off; `unseen`
    are addresses that could not be looked at, such as on a server that is down; `overrides` are those of the command
    line that the spec was read with. `mvops` is the version that made it, `spec` the digest of the whole YAML.
    `objections` are what the project's policies have against it. `created_by` (user@host), `expires` and `parts` (a
    digest for each part of the YAML, to say which one moved) are only said in a saved plan.
    """

    format_version: Literal[1] = 1
    id: str
    project: str
    preset: str
    lineage: str
    made_on: int
    actions: tuple[Action, ...]
    notices: tuple[str, ...] = ()
    unseen: tuple[Address, ...] = ()
    objections: tuple[Objection, ...] = ()
    seconds: float | None = None  # expected, from past runs
    overrides: tuple[str, ...] = ()
    scope: Scope = WHOLE
    mvops: str = ""
    spec: str = ""
    created_by: str | None = None
    expires: datetime | None = None
    parts: dict[str, str] = Field(default_factory=dict)
    environment: str | None = None  # a plan for one is refused in any other

    def __str__(self) -> str:
        """What it would do, a line for each resource, and how many of each verb."""
        lines = [
            f"{SYMBOLS[action.verb]} {action.address}  {action.verb}: {action.because}" for action in self.pending()
        ]
        totals = ", ".join(f"{number} {verb}" for verb, number in self.totals().items())
        return "\n".join([*lines, f"plan {self.id} of {self.project}: {totals or 'nothing'}"])

    def pending(self) -> tuple[Action, ...]:
        """Everything but what is kept."""
        return tuple(action for action in self.actions if action.verb is not Verb.KEEP)

    def conflicts(self) -> tuple[Action, ...]:
        """What is in the way and not ours."""
        return tuple(action for action in self.actions if action.verb is Verb.CONFLICT)

    def contested(self) -> int:
        """How many generated files are in conflict and stay as they are, until somebody has taken over what is new."""
        files = (change for action in self.actions for change in action.files)
        return sum(change.verb == "conflict" or (change.waiting and not change.over) for change in files)

    def refusals(self) -> tuple[Objection, ...]:
        """What keeps it from being applied; the other objections are warnings."""
        return tuple(objection for objection in self.objections if objection.level == "fail")

    def only_drift(self) -> bool:
        """Nothing to do but to mend what was changed or taken away outside."""
        return bool(self.pending()) and all(is_drift(action) for action in self.pending())

    def sealed(self) -> Plan:
        """The same with an id that is made of all the rest."""
        return self.model_copy(update={"id": digest(self.model_dump(mode="json", exclude={"id"}))[:12]})

    def intact(self) -> bool:
        """Is everything as it was when the id was made."""
        return self.id == self.sealed().id

    def totals(self) -> dict[str, int]:
        """How many of each verb."""
        counted = Counter(action.verb.value for action in self.actions)
        return {verb.value: counted[verb.value] for verb in Verb if counted[verb.value]}


def make_plan(  # noqa: PLR0913 -- a plan has that many parts
    actions: Iterable[Action],
    *,
    project: str,
    preset: str,
    lineage: str,
    made_on: int,
    notices: Iterable[str] = (),
    seconds: float | None = None,
    dependencies: Mapping[Address, Iterable[Address]] | None = None,
) -> Plan:
    """Order the actions: what is needed comes first, deletions last and in reverse.

    `dependencies` are those of records that are no longer wanted. Raises SpecError when resources need each other
    in a ring.
    """
    by_address = {action.address: action for action in actions}
    needs = {where: set(action.needs) & by_address.keys() for where, action in by_address.items()}
    for where, needed in (dependencies or {}).items():
        if where in needs:
            needs[where] |= set(needed) & by_address.keys()
    ordered = [by_address[where] for where in _ordered(needs)]
    removing = {Verb.DELETE, Verb.FORGET}
    actions_in_order = tuple(a for a in ordered if a.verb not in removing) + tuple(
        a for a in reversed(ordered) if a.verb in removing
    )
    return Plan(
        id="",
        project=project,
        preset=preset,
        lineage=lineage,
        made_on=made_on,
        actions=actions_in_order,
        notices=tuple(notices),
        seconds=seconds,
    ).sealed()


def _ordered(needs: Mapping[Address, set[Address]]) -> list[Address]:
    sorter = TopologicalSorter(needs)
    order: list[Address] = []
    try:
        sorter.prepare()
    except CycleError as ring:
        raise SpecError(f"resources need each other in a ring: {' -> '.join(ring.args[1])}") from ring
    while sorter.is_active():
        ready = sorted(sorter.get_ready())  # sorted, so that the plan does not depend on hashing
        order += ready
        sorter.done(*ready)
    return order
