"""What would change, and why. Reads everything, writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mvops.core.action import Action
from mvops.core.address import Address, kind_of
from mvops.core.compare import compare
from mvops.core.config.model import Model
from mvops.core.plan import Plan, make_plan
from mvops.core.spec import Spec
from mvops.core.state import Observed, Record
from mvops.errors import UsageError
from mvops.kinds.kind import Look, kinds
from mvops.registry.journal import SqlJournal
from mvops.registry.state import SqlState
from mvops.usecases.project import look_at
from mvops.workspace import Workspace


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
    look = look_at(workspace)
    desired = {} if destroy else desired_specs(look)
    records = {Address(where): record for where, record in look.records.items()}
    actual = _observed(look, desired, records)
    actions = [_with_details(action, look) for action in compare(desired, records, actual, forced)]
    chosen = _targeted(actions, targets)
    notices = [] if destroy else list(_notices(workspace, len(actions) - len(chosen)))
    return make_plan(
        chosen,
        project=workspace.project.project,
        preset=workspace.project.preset,
        lineage=workspace.registry.lineage,
        made_on=SqlState(workspace.registry).serial(),
        notices=notices,
        seconds=sum(kinds()[kind_of(action.address)].seconds(action, look) for action in chosen) or None,
        dependencies=_dependencies(records),
    )


def desired_specs(look: Look) -> dict[Address, Spec]:
    """Every resource that the YAML wants."""
    return {spec.address: spec for kind in kinds().values() for spec in kind.desired(look)}


def _observed(
    look: Look, desired: Mapping[Address, Spec], records: Mapping[Address, Record]
) -> dict[Address, Observed]:
    seen = {
        where: kinds()[kind_of(where)].observe(where, records.get(where), look)
        for where in desired.keys() | records.keys()
    }
    return {where: there for where, there in seen.items() if there is not None}


def _with_details(action: Action, look: Look) -> Action:
    details = tuple(kinds()[kind_of(action.address)].details(action, look))
    return action.model_copy(update={"details": details}) if details else action


def _targeted(actions: list[Action], targets: Sequence[str]) -> list[Action]:
    if not targets:
        return actions
    by_address = {action.address: action for action in actions}
    for target in targets:
        if target not in by_address:
            known = ", ".join(sorted(by_address))
            raise UsageError(f"--target {target}: there is no such resource", hint=f"Resources: {known}")
    wanted: set[Address] = set()
    waiting = [Address(target) for target in targets]
    while waiting:
        where = waiting.pop()
        if where in by_address and where not in wanted:
            wanted.add(where)
            waiting += by_address[where].needs
    return [action for action in actions if action.address in wanted]


def _dependencies(records: Mapping[Address, Record]) -> dict[Address, list[Address]]:
    """What a record that is no longer wanted needed: everything of the kinds that its kind comes after."""
    return {where: [other for other in records if kind_of(other) in kinds()[kind_of(where)].after] for where in records}


def _notices(workspace: Workspace, left_out: int) -> Iterator[str]:
    if left_out:
        yield f"{left_out} more resources were not selected: this plan is partial"
    for entry in SqlJournal(workspace.registry).unfinished():
        yield f"the last apply was interrupted at {entry['action']['address']}; applying goes on from there"
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
