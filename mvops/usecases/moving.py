"""Renames that the project declares in `moved`: which are still to be done, and their lines of the plan."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mvops.core.action import Action, Verb
from mvops.core.address import Address, address, kind_of, name_of
from mvops.core.config.moves import ends
from mvops.core.counts import counted
from mvops.core.nearest import did_you_mean
from mvops.core.steps import RenameModel
from mvops.errors import ConflictError, SpecError
from mvops.kinds.kind import kinds
from mvops.workspace import Workspace

# Those whose resources are called after a model, but for what was told outside of the project: that stays under the
# old name as history, and is told anew. CI and shared dashboards are called after the project.
_NOT_OF_A_MODEL = frozenset({"dataset", "feature_store", "feature_view", "tracker", "ci", "dashboards"})


@dataclass(frozen=True)
class Move:
    """A model that the registry still knows by its `old` name."""

    old: str
    new: str
    versions: int

    @property
    def address(self) -> Address:
        """Its line of the plan."""
        return address("model", self.old)

    @property
    def action(self) -> Action:
        """What a plan says of it."""
        known = f"{counted(self.versions, 'version')}, runs, predictions, alerts and history"
        because = f"has moved to model.{self.new}: {known} go along"
        return Action(verb=Verb.MOVE, address=self.address, reason="moved", because=because)

    def concerns(self, where: Address) -> bool:
        """Is this a resource that goes along?"""
        return name_of(where) == self.new and kind_of(where) in kinds_of_a_model()


def kinds_of_a_model() -> tuple[str, ...]:
    """The kinds whose records go along when a model is renamed."""
    return tuple(sorted(kinds().keys() - _NOT_OF_A_MODEL))


def pending_moves(workspace: Workspace) -> list[Move]:
    """The renames of `moved` that this registry has not seen yet.

    Raises SpecError for a new name that no model has, ConflictError where both names are known.
    """
    if not workspace.project.moved:
        return []
    from mvops.registry.renaming import versions_under  # noqa: PLC0415 -- SQLModel, which other plans do without

    found: dict[str, Move] = {}
    for old, (new, index) in ends(workspace.project.moved).items():
        versions = versions_under(workspace.registry, old, kinds_of_a_model())
        if versions is None:
            continue
        about = ("moved", index, "to")
        if new not in workspace.project.models:
            meant = did_you_mean(new, workspace.project.models)
            hint = f"Rename the YAML of {old} to {new}, or write the name that it has."
            message = f"there is no model {new} that {old} could have moved to{meant}"
            raise SpecError(message, hint=hint).named_by(*about)
        other = found[new].old if new in found else new
        if new in found or versions_under(workspace.registry, new, kinds_of_a_model()) is not None:
            hint = f"Take the rename out of `moved`, or first give one of the two another name: mvops state mv {other}"
            raise ConflictError(f"{old} and {other} are both on record, and would both be {new}", hint=hint).named_by(
                *about
            )
        found[new] = Move(old, new, versions)
    return list(found.values())


def with_moves(actions: Iterable[Action], moves: Sequence[Move], *, drift_only: bool = False) -> list[Action]:
    """The actions after the renames that they build upon; a rename of which nothing is chosen is left out."""
    made = list(actions)
    chosen: dict[Address, Action] = {}
    for index, action in enumerate(made):
        needed = tuple(move.address for move in moves if move.concerns(action.address))
        made[index] = action.model_copy(update={"needs": (*action.needs, *needed)}) if needed else action
        if not drift_only or action.verb is not Verb.KEEP:
            chosen |= {move.address: move.action for move in moves if move.address in needed}
    return [*chosen.values(), *made]


def rename_step(action: Action, workspace: Workspace) -> RenameModel:
    """What carrying out the line of a rename takes."""
    old = name_of(action.address)
    return RenameModel(model=old, name=ends(workspace.project.moved)[old][0], kinds=kinds_of_a_model())
