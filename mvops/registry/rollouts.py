"""Rollouts, of which at most one runs for each model."""

from __future__ import annotations

from sqlmodel import col, select
from sqlmodel import update as change

from mvops.core.rollout import RolloutState
from mvops.core.version import Version
from mvops.errors import ConflictError, RegistryError
from mvops.registry.database import Registry
from mvops.registry.statements import insert_missing
from mvops.registry.tables import Base, RolloutRow, VersionRow
from mvops.registry.versions import champion, find_version

_TABLE = Base.metadata.tables["mvops_rollouts"]


def start(registry: Registry, rollout: RolloutState) -> RolloutState:
    """Keep a new rollout; its `id` is given here, whatever it says.

    Raises ConflictError if the model has a running one, RegistryError if a version is not registered.
    """
    model = rollout.model
    with registry.session() as session:
        for number in (rollout.champion, rollout.challenger):
            if session.get(VersionRow, (model, number)) is None:
                raise RegistryError(f"{model} has no version {number}.", hint=f"See: mvops versions list {model}")
        insert = insert_missing(registry.dialect, _TABLE).returning(_TABLE.c.id)
        given = session.exec(insert.values(**rollout.model_dump(exclude={"id"}))).first()
        if given is None:
            raise ConflictError(
                f"A rollout of {model} is already running.", hint=f"Wait for it, or end it: mvops rollout abort {model}"
            )
        return _state(session.get_one(RolloutRow, given[0]))


def current(registry: Registry, model: str) -> RolloutState | None:
    """The running rollout of a model."""
    query = select(RolloutRow).where(RolloutRow.model == model, RolloutRow.status == "running")
    with registry.reading() as session:
        row = session.exec(query).first()
        return None if row is None else _state(row)


def live_versions(registry: Registry, model: str) -> list[Version]:
    """The champion, and the challenger of a running rollout."""
    running = current(registry, model)
    serving = champion(registry, model)
    challenger = find_version(registry, model, running.challenger) if running else None
    return [version for version in (serving, challenger) if version is not None]


def update(registry: Registry, rollout: RolloutState) -> None:
    """Write how far a running rollout has come; raises ConflictError if it is over, or was never started."""
    running = (col(RolloutRow.id) == rollout.id, col(RolloutRow.status) == "running")
    with registry.session() as session:
        statement = change(RolloutRow).where(*running).values(**rollout.model_dump(exclude={"id", "model"}))
        if not session.exec(statement).rowcount:
            raise ConflictError(
                f"Rollout {rollout.id} of {rollout.model} is not running any more.",
                hint=f"See how it ended: mvops rollout status {rollout.model}",
            )


def rollouts(registry: Registry, model: str) -> list[RolloutState]:
    """All rollouts of a model, the oldest first."""
    query = select(RolloutRow).where(RolloutRow.model == model).order_by(col(RolloutRow.id))
    with registry.reading() as session:
        return [_state(row) for row in session.exec(query)]


def _state(row: RolloutRow) -> RolloutState:
    return RolloutState.model_validate(row.model_dump())
