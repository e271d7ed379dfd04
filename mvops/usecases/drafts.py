"""The workspace as it will be once renames are done and versions went back: what a plan looks at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from mvops.core.action import Action, Verb, differences
from mvops.core.address import Address, kind_of, name_of
from mvops.core.code_change import CodeChange
from mvops.core.former import Back, Former
from mvops.core.plan import Plan
from mvops.core.rollout import rolling
from mvops.core.state import Record
from mvops.kinds.kind import Look
from mvops.kinds.model import ModelKind
from mvops.kinds.pipeline import PipelineKind
from mvops.registry.database import Registry
from mvops.registry.state import SqlState
from mvops.usecases.moving import Move, kinds_of_a_model, rename_step
from mvops.usecases.project import look_at
from mvops.workspace import Workspace


@dataclass(frozen=True)
class Draft:
    """`workspace` is only to be looked at; `backs` are the records that went back, `before` what all records were."""

    workspace: Workspace
    moves: Sequence[Move]
    backs: Mapping[Address, Back]
    before: Mapping[Address, Record]


@contextmanager
def drafted(workspace: Workspace, moves: Sequence[Move], back: Former | None) -> Iterator[Draft]:
    """The workspace after these renames, with versions and their records as in a former state."""
    if not moves and back is None:
        yield Draft(workspace, (), {}, {})
        return
    from mvops.registry.drafts import copied  # noqa: PLC0415 -- SQLModel, which other plans do without
    from mvops.registry.renaming import rename_model  # noqa: PLC0415 -- the same

    with copied(workspace.registry) as copy:
        for move in moves:
            rename_model(copy, None, move.old, move.new, kinds_of_a_model())
        seen = replace(workspace, registry=copy)
        look = look_at(seen)
        before = {Address(where): record for where, record in look.records.items()}
        backs = _gone_back(seen, back, look) if back else {}
        yield Draft(seen, moves, backs, before)


@contextmanager
def as_planned(workspace: Workspace, plan: Plan) -> Iterator[Workspace]:
    """The workspace as `plan` was made in: after its own renames and ways back."""
    moves = [action for action in plan.actions if action.verb is Verb.MOVE]
    backs = [action for action in plan.actions if action.back is not None]
    if not moves and not backs:
        yield workspace
        return
    from mvops.registry.drafts import copied  # noqa: PLC0415 -- as above
    from mvops.registry.renaming import rename_model  # noqa: PLC0415 -- the same

    with copied(workspace.registry) as copy:
        for action in moves:
            step = rename_step(action, workspace)
            rename_model(copy, None, step.model, step.name, step.kinds)
        for action in backs:
            back = action.back
            assert back is not None
            if back.champion is not None:
                _serve(copy, name_of(action.address), back.champion)
            SqlState(copy).put(Record(address=action.address, spec=action.after or {}, outputs=back.outputs))
        yield replace(workspace, registry=copy)


def with_backs(actions: Iterable[Action], draft: Draft, registry: Registry) -> Iterator[Action]:
    """The actions with those that go back: nothing is trained for them, whatever has changed."""
    if not draft.backs:
        yield from actions
        return
    from mvops.registry import rollouts  # noqa: PLC0415 -- as above
    from mvops.registry.versions import champion  # noqa: PLC0415 -- the same

    for action in actions:
        back, was = draft.backs.get(action.address), draft.before.get(action.address)
        name = name_of(action.address)
        if back is None or action.verb is not Verb.KEEP or _is_so(action, back, was, registry):
            yield action
            continue
        serves = champion(registry, name) if kind_of(action.address) == "model" else None
        detail: list[str] = []
        running = rollouts.current(registry, name) if back.champion is not None else None
        if running is not None:
            detail.append(f"traffic: {rolling(running.challenger, running.share)} ends")
        if back.champion is not None and (serves is None or serves.number != back.champion):
            now = f"version {serves.number}" if serves else "no version"
            detail.append(f"traffic: {now} -> version {back.champion}, at once; nothing is trained")
        changed = action.model_copy(
            update={
                "verb": Verb.UPDATE if was else Verb.CREATE,
                "reason": "rolled-back",
                "because": f"back to what it was in state {back.state}",
                "changes": differences(was.spec if was else {}, action.after),
                "before": was.spec if was else None,
                "details": tuple(detail),
                "back": back,
            }
        )
        yield changed.model_copy(update={"code": tuple(_code(changed, was, draft.workspace))})


def _code(action: Action, was: Record | None, draft: Workspace) -> Iterator[CodeChange]:
    """What is written into the notebooks, from what made the pipeline as it is now."""
    if was is not None and kind_of(action.address) == "pipeline":
        look = look_at(draft)
        look.records[action.address] = was
        yield from PipelineKind().code(action, look)


def _gone_back(draft: Workspace, former: Former, look: Look) -> dict[Address, Back]:
    goes_on = {model for model in former.champions if _has_its_canary(draft.registry, model, former)}
    for model in former.champions.keys() - goes_on:
        _serve(draft.registry, model, former.champions[model])
    found: dict[Address, Back] = {}
    state = SqlState(draft.registry)
    for kind in (PipelineKind(), ModelKind()):
        for spec in kind.desired(look):
            outputs = former.applied.outputs.get(spec.address)
            if outputs is not None:
                state.put(Record(address=spec.address, spec=spec.fields(), outputs=outputs))
                moves = spec.kind == "model" and spec.name not in goes_on
                served = former.champions.get(spec.name) if moves else None
                found[spec.address] = Back(state=former.applied.serial, outputs=outputs, champion=served)
    return found


def _has_its_canary(registry: Registry, model: str, former: Former) -> bool:
    """Is the traffic as it was then, a canary of the same version included: that goes on."""
    from mvops.registry import rollouts  # noqa: PLC0415 -- as above
    from mvops.registry.versions import champion  # noqa: PLC0415 -- the same

    running, serves = rollouts.current(registry, model), champion(registry, model)
    made = former.applied.outputs.get(f"model.{model}", {}).get("version")
    same = serves is not None and serves.number == former.champions[model]
    return same and running is not None and str(running.challenger) == made


def _serve(registry: Registry, model: str, number: int) -> None:
    from mvops.registry import rollouts  # noqa: PLC0415 -- as above
    from mvops.registry.versions import set_champion  # noqa: PLC0415 -- the same

    running = rollouts.current(registry, model)
    if running is not None:
        ended = {"status": "aborted", "reason": "rolled back", "finished": datetime.now(UTC)}
        rollouts.update(registry, running.model_copy(update=ended))
    set_champion(registry, model, number, "rolled back")


def _is_so(action: Action, back: Back, was: Record | None, registry: Registry) -> bool:
    if was is None or (was.spec, was.outputs) != (action.after, back.outputs):
        return False
    if back.champion is None:
        return True
    from mvops.registry import rollouts  # noqa: PLC0415 -- as above
    from mvops.registry.versions import champion  # noqa: PLC0415 -- the same

    serves = champion(registry, name_of(action.address))
    rolling = rollouts.current(registry, name_of(action.address))
    return rolling is None and serves is not None and serves.number == back.champion
