"""Making it so: the plan is done under the project's lock, with the journal written as it goes."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mvops.core.action import Action, Verb
from mvops.core.address import kind_of, name_of
from mvops.core.apply import Done
from mvops.core.apply import apply as apply_plan
from mvops.core.environment import wording
from mvops.core.plan import Plan
from mvops.core.progress import Progress, Tell, silent
from mvops.core.spec import has_unknown
from mvops.core.state import Record
from mvops.core.steps import GoBack, Step
from mvops.errors import MvopsError, RegistryError
from mvops.kinds.file_changes import bookkeeping, texts_in_use
from mvops.kinds.kind import Look, Settling, kinds
from mvops.performing.data import reach_keeper
from mvops.performing.perform import perform
from mvops.registry.events import record_event
from mvops.registry.journal import SqlJournal
from mvops.registry.leftovers import left_behind
from mvops.registry.lock import hold_lock
from mvops.registry.state import SqlState
from mvops.registry.texts import drop_texts
from mvops.registry.versions import serving
from mvops.usecases.former_states import keep_state
from mvops.usecases.left_to_install import remark_on_files
from mvops.usecases.moving import rename_step
from mvops.usecases.project import look_at
from mvops.usecases.saved_plans import check_fresh
from mvops.usecases.signatures import check_signed
from mvops.usecases.tracking import bring_along
from mvops.workspace import Workspace


def apply(  # noqa: PLR0913 -- what goes on record of it is handed in
    workspace: Workspace,
    plan: Plan,
    *,
    tell: Tell = silent,
    command: str = "apply",
    approval: str = "",
    signed_by: str | None = None,
    unsigned: bool = False,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Done]:
    """Do exactly this plan and yield what became of each action.

    `approval` goes on record: how somebody said yes; and `signed_by`: who signed the plan. `unsigned` is for a caller
    that made sure itself that nobody has to sign. `stop` is asked after each step of a pipeline and each action; a
    yes ends the apply as a KeyboardInterrupt, with what is done on record. Raises LockedError while somebody else
    applies, ConflictError for a plan that was made on another state, that holds a conflict, or that nobody signed who
    has to, BackendError where data that is to be kept has no place to go to. What an action's own failure raises is in
    its Done.
    """
    if not unsigned:
        check_signed(workspace, signed_by)
    if workspace.registry.unwritten and not plan.pending():  # there is nothing that the lock would be for
        check_fresh(workspace, plan)
        return
    with hold_lock(workspace.registry, command) as hold:
        check_fresh(workspace, plan)
        _reach_keepers(workspace, plan)
        journal = SqlJournal(workspace.registry, hold)
        _close_interrupted(journal)
        finished: list[Done] = []
        served = serving(workspace.registry)
        look = look_at(workspace, plan.scope)
        for done in apply_plan(
            plan,
            steps=lambda action: _steps(action, look),
            perform=lambda step, outputs: perform(step, outputs, workspace, _stoppable(tell, stop)),
            settle=lambda action: _settle(action, look),
            journal=journal,
            recorded=SqlState(workspace.registry).record,
            remember=lambda action: bookkeeping(action, look),
            late=_is_data_kept,
        ):
            finished.append(done)
            _note(done, look)
            yield done
            if stop() and len(finished) < len(plan.pending()):
                raise KeyboardInterrupt
        complete = all(done.status == "done" for done in finished)
        if finished:
            said = {"command": command, "approval": approval, "served": served}
            said |= {"signed_by": signed_by} if signed_by else {}
            _on_record(workspace, plan, finished, said | (_state(workspace) if complete else {}))
        if finished and complete:
            records = SqlState(workspace.registry).records().values()
            drop_texts(workspace.registry, but=texts_in_use(records, left_behind(workspace.registry)))
    for model in _left_behind(finished):
        bring_along(workspace, model)
    for model in _worked_on(finished):
        remark_on_files(workspace, model)
    if finished:
        _keep_copy(workspace)


def _on_record(workspace: Workspace, plan: Plan, finished: Sequence[Done], said: Mapping[str, Any]) -> None:
    record_event(
        workspace.registry,
        kind="apply",
        subject=workspace.project.project,
        message=_became_of(str(said["command"]), plan, finished, SqlState(workspace.registry).serial()),
        details={
            "plan": plan.id,
            "totals": plan.totals(),
            "done": [done.action.address for done in finished if done.status == "done"],
            **said,
        },
    )


def _became_of(command: str, plan: Plan, finished: Sequence[Done], serial: int) -> str:
    """A plan that was done in part leaves no state to go back to."""
    lead = f"{'' if command == 'apply' else f'{command}: '}applied plan {plan.id}"
    failed = next((done for done in finished if done.status == "failed"), None)
    if failed is None or failed.error is None:
        return f"{lead}: state {serial}"
    numbers = Counter(done.status for done in finished)
    counts = ", ".join(f"{number} {status}" for status, number in numbers.items())
    return f"{lead} in part: {counts}; {failed.action.address}: {failed.error.message.splitlines()[0]}"


def _stoppable(tell: Tell, stop: Callable[[], bool]) -> Tell:
    def told(progress: Progress) -> None:
        tell(progress)
        if progress.kept and stop():
            raise KeyboardInterrupt

    return told


def _keep_copy(workspace: Workspace) -> None:
    try:
        former = workspace.registry.keep_copy()
    except RegistryError as error:  # what was asked for is done
        workspace.remarks.append(f"the registry was not copied: {error.message}")
        return
    if former is not None:
        typed, copy = wording(workspace.project.environment)["typed"], Path(os.path.relpath(former, workspace.root))
        workspace.remarks.append(
            f"the copy of the registry before this one stays: {typed} state restore {copy.as_posix()}"
        )


def _state(workspace: Workspace) -> dict[str, Any]:
    """What is done is done, also where nobody keeps what it was made of."""
    try:
        return {"state": keep_state(workspace)}
    except MvopsError as error:
        workspace.remarks.append(f"there will be no way back to this state: {error.message}")
        return {}


def _worked_on(finished: Sequence[Done]) -> list[str]:
    """Models of which a version was made, or that went back to one."""
    return sorted(
        {name_of(done.action.address) for done in finished if _makes(done.action) and done.status != "skipped"}
    )


def _left_behind(finished: Sequence[Done]) -> list[str]:
    """Models that were worked on in a plan that did not come to their tracker."""
    told = {name_of(d.action.address) for d in finished if _is_tracker(d.action) and d.status != "skipped"}
    return [model for model in _worked_on(finished) if model not in told]


def _is_data_kept(action: Action) -> bool:
    """Data that no run could be made of are not kept: what was kept before stays the last that is."""
    kept = kind_of(action.address) == "dataset" and action.changes_the_world and action.verb is not Verb.DELETE
    return kept and bool((action.after or {}).get("kept"))


def _reach_keepers(workspace: Workspace, plan: Plan) -> None:
    """Nothing is trained on data that could not be kept then."""
    records = SqlState(workspace.registry)
    for action in filter(_is_data_kept, plan.pending()):
        record = records.record(action.address)
        reach_keeper(record.outputs if record else {}, workspace)


def _makes(action: Action) -> bool:
    made = action.changes_the_world and action.verb not in {Verb.DELETE, Verb.MOVE}
    return made and kind_of(action.address) in {"pipeline", "model"}


def _is_tracker(action: Action) -> bool:
    return kind_of(action.address) == "tracker"


def _close_interrupted(journal: SqlJournal) -> None:
    """What an apply that was killed left open is done again by this one."""
    for entry in journal.unfinished():
        journal.failed(int(entry["entry"]), "interrupted")


def _note(done: Done, look: Look) -> None:
    """Keep what later actions look at true, without reading all records again."""
    look.forget()
    if done.status != "done":
        return
    where = done.action.address
    if done.action.verb is Verb.MOVE:  # the records of all that goes along
        look.records.clear()
        look.records.update(SqlState(look.workspace.registry).records())
    elif done.action.verb in {Verb.DELETE, Verb.FORGET}:
        look.records.pop(where, None)
    else:
        look.records[where] = Record(address=where, spec=done.action.after or {}, outputs=done.outputs)


def _steps(action: Action, look: Look) -> Iterator[Step]:
    if action.verb is Verb.MOVE:
        yield rename_step(action, look.workspace)
    elif action.back is not None:
        yield GoBack(
            model=name_of(action.address),
            outputs=action.back.outputs,
            champion=action.back.champion,
            reason=f"rolled back to state {action.back.state}",
        )
    else:
        yield from kinds()[kind_of(action.address)].steps(action, look)


def _settle(action: Action, look: Look) -> Action:
    """The action as it is wanted now, where a part of it had to wait for what was done before it."""
    if not has_unknown(action.after) and action.back is None:
        return action
    kind = kinds()[kind_of(action.address)]
    where = action.address
    spec = kind.settled(where, look) if isinstance(kind, Settling) else look.wanted(kind).get(where)
    return action if spec is None else action.model_copy(update={"after": spec.fields()})
