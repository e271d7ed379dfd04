"""What mvops has on record of the project, and taking things off that record."""

from __future__ import annotations

from collections.abc import Sequence

from mvops.core.address import Address, address, kind_of, name_of
from mvops.core.config.moves import ends
from mvops.core.nearest import did_you_mean_address
from mvops.core.state import Record
from mvops.errors import MvopsError, UsageError
from mvops.performing.traffic import traffic_now
from mvops.registry.events import Event, events, record_event
from mvops.registry.leftovers import kept_of
from mvops.registry.lock import hold_lock
from mvops.registry.state import SqlState
from mvops.usecases.plan import desired_specs
from mvops.usecases.project import look_at
from mvops.workspace import Workspace

_LOOKED_AT = 200  # applies


def records(workspace: Workspace) -> list[Record]:
    """Everything on record, by address."""
    return [_as_now(workspace, record) for record in SqlState(workspace.registry).records().values()]


def record_of(workspace: Workspace, address: str) -> Record:
    """What is on record of a resource. Raises UsageError that knows the nearest address."""
    known = SqlState(workspace.registry).records()
    if address in known:
        return _as_now(workspace, known[address])
    raise UsageError(
        f"{address} is not on record{did_you_mean_address(address, known)}",
        hint=f"On record: {', '.join(known) or 'nothing yet: mvops apply'}",
    )


def _as_now(workspace: Workspace, record: Record) -> Record:
    """With what a version gets of the traffic now: rollouts and ways back move it after the apply."""
    if "traffic" not in record.outputs:
        return record
    traffic = traffic_now(workspace, name_of(Address(record.address)), int(record.outputs["version"]))
    return record.model_copy(update={"outputs": {**record.outputs, "traffic": traffic}})


def not_applied(workspace: Workspace) -> list[str]:
    """What the YAML wants and is not on record; nothing where it cannot be told, which a plan says."""
    known = SqlState(workspace.registry).records()
    now = {old: new for old, (new, _) in ends(workspace.project.moved).items()}
    names = [(kind_of(Address(where)), name_of(Address(where))) for where in known]
    try:
        wanted = desired_specs(look_at(workspace)).keys()
        return sorted(wanted - {address(kind, now.get(name, name)) for kind, name in names})
    except MvopsError:
        return []


def last_apply(workspace: Workspace, address: str) -> Event | None:
    """The apply that last did something to a resource: who, when, how it was approved; None if not known."""
    found = events(workspace.registry, limit=_LOOKED_AT, kind="apply")
    return next((event for event in found if address in event.details.get("done", ())), None)


def forget(workspace: Workspace, addresses: Sequence[str]) -> list[str]:
    """Take resources off the record, all or none; returns those that the YAML still wants.

    Nothing in the world is touched. Raises UsageError for one that is not on record, LockedError.
    """
    with hold_lock(workspace.registry, f"state forget {' '.join(addresses)}") as hold:
        known = [record_of(workspace, address) for address in addresses]
        kept = [kept_of(workspace.registry, record.spec, record.outputs) for record in known]
        state = SqlState(workspace.registry, hold)
        with workspace.registry.session():
            for address, files in zip(addresses, kept, strict=True):
                state.forget(address)
                record_event(workspace.registry, "forget", address, f"{address} is no longer managed", files)
    wanted = desired_specs(look_at(workspace))
    return [address for address in addresses if address in wanted]
