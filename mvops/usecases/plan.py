"""What would change, and why. Reads everything, writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from mvops.core.action import Action
from mvops.core.address import Address, kind_of
from mvops.core.compare import compare
from mvops.core.config.dashboard import Dashboard
from mvops.core.config.data import Data
from mvops.core.config.model import Model
from mvops.core.plan import Plan, make_plan
from mvops.core.spec import Spec
from mvops.core.state import Observed, Record
from mvops.errors import UsageError
from mvops.kinds.kind import Guarding, Look, kinds
from mvops.registry.journal import SqlJournal
from mvops.registry.state import SqlState
from mvops.usecases.project import look_at
from mvops.workspace import Workspace, data_keeper


def plan(
    workspace: Workspace,
    *,
    targets: Sequence[str] = (),
    forced: Mapping[Address, str] | None = None,
    destroy: bool = False,
) -> Plan:
    """Compare the spec with the registry and the world.

    `targets` narrows the plan to these addresses and what they need; `forced` (address -> reason) does again what
    has not changed; `destroy` wants nothing at all. Raises SpecError, DataError and NotebookError for what cannot be
    planned, UsageError for an unknown target.
    """
    made_on = SqlState(
        workspace.registry
    ).serial()  # before anything is read: what changes meanwhile makes the plan stale
    look = look_at(workspace)
    desired = {} if destroy else desired_specs(look)
    records = {Address(where): record for where, record in look.records.items()}
    everything = desired.keys() | records.keys()
    chosen = _targeted(everything, desired, targets)
    seen = _observed(look, chosen, records)
    actions = [
        _with_details(action, look)
        for action in compare(
            {where: spec for where, spec in desired.items() if where in chosen},
            {where: record for where, record in records.items() if where in chosen},
            {where: there for where, there in seen.items() if not there.unseen or where in records},
            forced,
            _held(look, (records.keys() - desired.keys()) & chosen, desired),
            "everything is taken away" if destroy else "no longer in the spec",
        )
    ]
    unseen = {where: there.unseen for where, there in sorted(seen.items()) if there.unseen}
    notices = [f"{where} could not be looked at: {why}" for where, why in unseen.items()]
    return make_plan(
        actions,
        project=workspace.project.project,
        preset=workspace.project.preset,
        lineage=workspace.registry.lineage,
        made_on=made_on,
        notices=[*notices, *([] if destroy else _notices(workspace, len(everything) - len(chosen)))],
        seconds=sum(kinds()[kind_of(action.address)].seconds(action, look) for action in actions) or None,
        dependencies=_dependencies(records),
    ).model_copy(update={"unseen": tuple(unseen)})


def desired_specs(look: Look) -> dict[Address, Spec]:
    """Every resource that the YAML wants."""
    return {spec.address: spec for kind in kinds().values() for spec in kind.desired(look)}


def _observed(look: Look, chosen: Iterable[Address], records: Mapping[Address, Record]) -> dict[Address, Observed]:
    seen = {where: kinds()[kind_of(where)].observe(where, records.get(where), look) for where in chosen}
    return {where: there for where, there in seen.items() if there is not None}


def _held(look: Look, unwanted: Iterable[Address], desired: Mapping[Address, Spec]) -> dict[Address, str]:
    """What is no longer wanted, but needed by something that stays."""
    guards = ((where, kinds()[kind_of(where)]) for where in unwanted)
    found = ((where, kind.in_use(where, desired, look)) for where, kind in guards if isinstance(kind, Guarding))
    return {where: why for where, why in found if why}


def _with_details(action: Action, look: Look) -> Action:
    details = tuple(kinds()[kind_of(action.address)].details(action, look))
    return action.model_copy(update={"details": details}) if details else action


def _targeted(
    everything: Iterable[Address], desired: Mapping[Address, Spec], targets: Sequence[str]
) -> frozenset[Address]:
    """The targets and what they need; everything without targets. Only what is chosen is looked at."""
    all_of_it = frozenset(everything)
    if not targets:
        return all_of_it
    for target in targets:
        if target not in all_of_it:
            known = ", ".join(sorted(all_of_it))
            raise UsageError(f"--target {target}: there is no such resource", hint=f"Resources: {known}")
    wanted: set[Address] = set()
    waiting = [Address(target) for target in targets]
    while waiting:
        where = waiting.pop()
        if where in all_of_it and where not in wanted:
            wanted.add(where)
            waiting += desired[where].needs if where in desired else ()
    return frozenset(wanted)


def _dependencies(records: Mapping[Address, Record]) -> dict[Address, list[Address]]:
    """What a record that is no longer wanted needed: everything of the kinds that its kind comes after."""
    return {where: [other for other in records if kind_of(other) in kinds()[kind_of(where)].after] for where in records}


def _notices(workspace: Workspace, left_out: int) -> Iterator[str]:
    if left_out:
        yield f"{left_out} more resources were not selected: this plan is partial"
    for entry in SqlJournal(workspace.registry).unfinished():
        yield f"the last apply was interrupted at {entry['action']['address']}; applying goes on from there"
    if workspace.project.tracker.backend != "local" and not workspace.project.capabilities.tracking:
        yield f"tracker is not acted upon: {workspace.project.preset} leaves capabilities.tracking off"
    if workspace.project.dashboard != Dashboard() and not workspace.project.capabilities.dashboards:
        yield f"dashboard is not acted upon: {workspace.project.preset} leaves capabilities.dashboards off"
    if workspace.project.data != Data() and not workspace.project.capabilities.data_versioning:
        yield f"data is not acted upon: {workspace.project.preset} leaves capabilities.data_versioning off"
    keeper, lacking = data_keeper(workspace)
    if lacking and workspace.project.capabilities.data_versioning:
        yield f"data is kept by {keeper.backend} for now. {lacking}"
    for name, model in sorted(workspace.project.models.items()):
        for section, capability in _switched_off(workspace, model):
            yield (
                f"models.{name}.{section} is not acted upon: "
                f"{workspace.project.preset} leaves capabilities.{capability} off"
            )


def _switched_off(workspace: Workspace, model: Model) -> Iterator[tuple[str, str]]:
    on = workspace.project.capabilities
    if model.endpoint is not None and not on.serving:
        yield "endpoint", "serving"
    if model.monitor is not None and not on.monitoring:
        yield "monitor", "monitoring"
    if model.retrain is not None and not on.retraining:
        yield "retrain", "retraining"
