"""What would change, and why. Reads everything, writes nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from mvops import __version__
from mvops.core.action import Action, Verb
from mvops.core.address import Address, address, kind_of, name_of
from mvops.core.canonical import digest
from mvops.core.compare import Asked, Held, compare
from mvops.core.counts import counted
from mvops.core.former import Former
from mvops.core.plan import Plan, make_plan
from mvops.core.policies import objections
from mvops.core.scope import WHOLE, Scope, Selection, notices, only_drift, select
from mvops.core.spec import Spec
from mvops.core.state import Observed, Record
from mvops.core.ways_out import ways_out
from mvops.errors import DataError, MissingExtraError, MvopsError, NotebookError, SpecError
from mvops.kinds.endpoint import unless_port_is_taken
from mvops.kinds.file_changes import with_files
from mvops.kinds.kind import Coded, Guarding, Look, kinds
from mvops.kinds.model import unless_answered
from mvops.kinds.recorded import taken_up
from mvops.kinds.schedule import told_of_times
from mvops.registry.state import SqlState
from mvops.usecases.bans import check_bans
from mvops.usecases.drafts import Draft, drafted, with_backs
from mvops.usecases.extras import lacking_notice, with_other_extras
from mvops.usecases.moving import pending_moves, with_moves
from mvops.usecases.notices import made_again, notices_of, switched_off
from mvops.usecases.originals import changed_originals
from mvops.usecases.project import look_at
from mvops.workspace import Workspace

_THRESHOLDS = {  # fields that say yes or no to what was seen before too
    "model": ("gate",),
    "monitor": tuple(f"settings.{name}" for name in ("effect", "every", "false_alarms", "min_rows", "tolerance")),
}


def plan(
    workspace: Workspace,
    scope: Scope = WHOLE,
    *,
    forced: Mapping[Address, str] | None = None,
    destroy: bool = False,
    back: Former | None = None,
) -> Plan:
    """Compare the spec with the registry and the world.

    `scope` narrows what the plan is about; `forced` (address -> reason) does again what has not changed; `destroy`
    wants nothing at all; with `back`, pipelines and models go back to that state instead of training. Raises SpecError,
    DataError and NotebookError for what cannot be planned, UsageError for an address that there is not.
    """
    check_bans(workspace.project.policies)
    # Before anything is read: what changes meanwhile makes the plan stale.
    made_on = SqlState(workspace.registry).serial()
    moves = [] if destroy else pending_moves(workspace)
    with drafted(workspace, moves, back) as draft:
        try:
            return _made(workspace, draft, scope, forced or {}, made_on=made_on, destroy=destroy)
        except MissingExtraError as error:
            raise with_other_extras(error, workspace.project) from None


def _made(
    real: Workspace,
    draft: Draft,
    scope: Scope,
    forced: Mapping[Address, str],
    *,
    made_on: int,
    destroy: bool,
) -> Plan:
    workspace = draft.workspace
    look = look_at(workspace, scope)
    said = _said(look) if destroy else _wanted(look)
    desired = {} if destroy else said
    records = {Address(where): record for where, record in look.records.items()}
    everything = desired.keys() | records.keys()
    selection = select(scope, everything, _done_before(desired, records, said))
    seen = _observed(look, selection.chosen, records, offline=scope.offline)
    found = _compared(look, selection, desired, seen, forced, destroy)
    compared = (taken_up(unless_answered(action, look), look) for action in found)
    if not scope.offline:
        compared = (with_files(action, records.get(action.address), look) for action in compared)
    compared = (unless_port_is_taken(action, look) for action in compared)
    actions = tuple(with_backs((_with_details(action, look) for action in compared), draft, real.registry))
    told = [] if destroy else [*notices_of(look, actions), *_edits(look)]
    told += [] if destroy else _not_there(look, actions)
    if scope.drift_only:
        actions, others = only_drift(actions)
        told += [f"left out: {counted(others, 'change')} of the spec (--drift-only)"] if others else []
    unseen = {where: there.unseen for where, there in sorted(seen.items()) if there.unseen}
    planned = make_plan(
        with_moves(actions, draft.moves, drift_only=scope.drift_only),
        project=workspace.project.project,
        preset=workspace.project.preset,
        lineage=workspace.registry.lineage,
        made_on=made_on,
        notices=[
            *(f"{where} could not be looked at: {why}" for where, why in unseen.items()),
            *notices(scope, selection, len(everything), records.keys() - desired.keys()),
            *told,
        ],
        seconds=sum(kinds()[kind_of(a.address)].seconds(a, look) for a in actions if a.back is None) or None,
        dependencies=_dependencies(records.keys() - desired.keys(), records),
    )
    if not destroy:
        look.memory.save()
    written = workspace.project.model_dump(mode="json")
    against = objections(workspace.project.policies, None if destroy else written, planned.actions)
    made = {"unseen": tuple(unseen), "scope": scope, "overrides": workspace.overrides, "mvops": __version__}
    made |= {"environment": workspace.project.environment, "spec": digest(written), "objections": tuple(against)}
    return planned.model_copy(update=made).sealed()


def _edits(look: Look) -> Iterator[str]:
    """What people edited, and nothing comes of by itself."""
    yield from told_of_times(look)
    yield from changed_originals(look)


def _not_there(look: Look, actions: Collection[Action]) -> Iterator[str]:
    """What the YAML has switched off, and what is not installed."""
    yield from switched_off(look, actions)
    yield from lacking_notice(look.workspace.project, actions)


def _compared(
    look: Look,
    selection: Selection,
    desired: Mapping[Address, Spec],
    seen: Mapping[Address, Observed],
    forced: Mapping[Address, str] | None,
    destroy: bool,
) -> Iterator[Action]:
    chosen = selection.chosen
    records = {Address(where): record for where, record in look.records.items()}
    runs = _runs_again(selection)
    return compare(
        {where: spec for where, spec in desired.items() if where in chosen},
        {where: record for where, record in records.items() if where in chosen},
        {where: there for where, there in seen.items() if not there.unseen or where in records},
        Asked(
            again={**runs, **(forced or {})},
            anew={*selection.replaced, *runs},
            held=_held(look, (records.keys() - desired.keys()) & chosen, desired),
            unwanted="everything is taken away" if destroy else "no longer in the spec",
        ),
    )


def _runs_again(selection: Selection) -> dict[Address, str]:
    """The pipelines without whose run there is no new version of a model that is replaced, and why they run."""
    models = [where for where in selection.replaced if kind_of(where) == "model"]
    runs = {address("pipeline", name_of(where)): made_again(where) for where in models}
    return {where: why for where, why in runs.items() if where not in selection.replaced}


def spec_digest(workspace: Workspace) -> str:
    """Names the whole spec: equal digests, equal YAML."""
    return digest(workspace.project.model_dump(mode="json"))


def _wanted(look: Look) -> dict[Address, Spec]:
    """What the YAML wants; where that cannot be told, one error with all the reasons."""
    try:
        return desired_specs(look)
    except (DataError, NotebookError, SpecError) as error:
        from mvops.usecases.flaws import with_all_others  # noqa: PLC0415 -- only where something is wrong

        raise with_all_others(error, look) from None


def desired_specs(look: Look) -> dict[Address, Spec]:
    """Every resource that the YAML wants."""
    return {where: spec for kind in kinds().values() for where, spec in look.wanted(kind).items()}


def _observed(
    look: Look, chosen: Iterable[Address], records: Mapping[Address, Record], *, offline: bool
) -> dict[Address, Observed]:
    """What is there; offline, whatever is recorded is taken to be as it was made."""
    if offline:
        return {where: Observed(facts={}) for where in chosen if where in records}
    seen = {where: kinds()[kind_of(where)].observe(where, records.get(where), look) for where in chosen}
    return {where: there for where, there in seen.items() if there is not None}


def _held(look: Look, unwanted: Iterable[Address], desired: Mapping[Address, Spec]) -> dict[Address, Held]:
    """What is no longer wanted, but may not go."""
    guards = ((where, kinds()[kind_of(where)]) for where in unwanted)
    found = ((where, kind.held(where, desired, look)) for where, kind in guards if isinstance(kind, Guarding))
    return {where: why for where, why in found if why}


def _with_details(action: Action, look: Look) -> Action:
    kind = kinds()[kind_of(action.address)]
    details = (*kind.details(action, look), *_backtested(action, look.workspace), *ways_out(action))
    code = tuple(kind.code(action, look)) if isinstance(kind, Coded) else ()
    return action.model_copy(update={"details": details, "code": code}) if details or code else action


def _backtested(action: Action, workspace: Workspace) -> Iterator[str]:
    fields = _THRESHOLDS.get(kind_of(action.address), ())
    if action.verb is Verb.UPDATE and any(change.field.startswith(fields) for change in action.changes):
        from mvops.usecases.backtests import backtest  # noqa: PLC0415 -- pandas

        yield from backtest(action, workspace)


def _said(look: Look) -> dict[Address, Spec]:
    """What the YAML wants, as far as it can be told: what is taken away may be broken."""
    try:
        return desired_specs(look)
    except MvopsError:
        return {}


def _done_before(
    desired: Mapping[Address, Spec], records: Mapping[Address, Record], said: Mapping[Address, Spec]
) -> dict[Address, Collection[Address]]:
    """What must be done before each: what it needs, and for what goes, that those go first that needed it."""
    going = [where for where in records if where not in desired]
    first: dict[Address, Collection[Address]] = {where: spec.needs for where, spec in desired.items()}
    return first | {where: [other for other in going if _needed(where, other, records, said)] for where in going}


def _needed(where: Address, other: Address, records: Mapping[Address, Record], said: Mapping[Address, Spec]) -> bool:
    """Did `other` need it. Where the YAML does not say so any more, what has one of its own name needed that one."""
    if other in said:
        return where in said[other].needs
    its_own = address(kind_of(where), name_of(other))
    return kind_of(where) in kinds()[kind_of(other)].after and (where == its_own or its_own not in records)


def _dependencies(unwanted: Iterable[Address], records: Iterable[Address]) -> dict[Address, list[Address]]:
    """What a record that is no longer wanted needed: everything of the kinds that its kind comes after."""
    by_kind: dict[str, list[Address]] = {}
    for where in records:
        by_kind.setdefault(kind_of(where), []).append(where)
    return {
        where: [other for kind in kinds()[kind_of(where)].after for other in by_kind.get(kind, ())]
        for where in unwanted
    }
