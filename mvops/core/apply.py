"""The only door through which the world changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from mvops.core.action import Action, Verb
from mvops.core.address import Address
from mvops.core.counts import counted
from mvops.core.plan import Plan
from mvops.core.state import Journal, Record
from mvops.core.steps import Step
from mvops.core.turns import turns
from mvops.core.ways_out import SAY_THEMSELVES, meanwhile, ways_out
from mvops.errors import ConflictError, MvopsError, of_the_system

Outputs = dict[str, str]
_MEND = "Mend that, then go on: mvops apply"


@dataclass(frozen=True)
class Done:
    """What became of an action. `outputs` are all that are recorded now, `left` those of this action's own steps."""

    action: Action
    status: Literal["done", "failed", "skipped"]
    outputs: Outputs
    error: MvopsError | None = None
    left: Outputs = field(default_factory=dict)


def apply(  # noqa: PLR0913 -- the core does nothing itself: all that it does is handed in
    plan: Plan,
    *,
    steps: Callable[[Action], Iterable[Step]],
    perform: Callable[[Step, Outputs], Outputs],
    settle: Callable[[Action], Action],
    journal: Journal,
    recorded: Callable[[Address], Record | None],
    remember: Callable[[Action], Iterable[Step]] = lambda _: (),
    late: Callable[[Action], bool] = lambda _: False,
) -> Iterator[Done]:
    """Do the plan, action by action, and yield what became of each.

    The journal is committed before and after each action, so that a killed apply can be done again to the same end.
    When an action fails, what needs it is skipped and the rest goes on. `settle` returns the action with what was
    unknown when the plan was made; `perform` gets, beside a step, what the action's earlier steps have left;
    `recorded` knows the outputs that an action starts from; the steps of `remember` come first, also for what is only
    written down; what is `late` is done once something that needs it has succeeded. Raises ConflictError before
    anything is done, see `check_allowed`.
    """
    check_allowed(plan)
    missing: set[Address] = set()
    for turn in turns(plan.actions, late):
        planned = turn.action
        if turn.is_skipped(missing):
            missing.add(planned.address)
            yield Done(planned, "skipped", {})
            continue
        before = recorded(planned.address)
        outputs = dict(before.outputs) if before else {}
        done = _one(plan.id, settle(planned), lambda action: _steps(action, remember, steps), perform, journal, outputs)
        if done.status == "failed":
            missing.add(planned.address)
        yield done


def check_allowed(plan: Plan) -> None:
    """Raise ConflictError for a plan that no one may apply: it holds a conflict, or a policy says no."""
    if conflicts := plan.conflicts():
        named = [_named(action) for action in conflicts]
        each = {meanwhile([action]) for action in conflicts}
        ways = dict.fromkeys(way for action in conflicts for way in _ways_out(action) if way not in each)
        several = "\n".join([f"{len(named)} resources are in conflict:", *(f"  {name}" for name in named)])
        raise ConflictError(named[0] if len(named) == 1 else several, hint="\n".join([*ways, meanwhile(conflicts)]))
    if refusals := plan.refusals():
        said = "\n".join(f"  {refusal.policy}: {refusal.sentence}" for refusal in refusals)
        raise ConflictError(
            f"{counted(len(refusals), 'objection')} by this project's policies:\n{said}",
            hint="Change what they object to, or the policy itself: `policies` in configs/project.yaml.",
        )


def _ways_out(conflict: Action) -> Iterator[str]:
    yield from conflict.details if conflict.reason in SAY_THEMSELVES else ()
    yield from ways_out(conflict)


def _named(conflict: Action) -> str:
    theirs = ", ".join(change.path for change in conflict.files) if conflict.reason == "not-ours" else ""
    return f"{conflict.address}: {conflict.because}" + (f": {theirs}" if theirs else "")


def _steps(
    action: Action, remember: Callable[[Action], Iterable[Step]], steps: Callable[[Action], Iterable[Step]]
) -> Iterator[Step]:
    yield from remember(action)
    if action.changes_the_world:
        yield from steps(action)


def _one(
    plan_id: str,
    action: Action,
    steps: Callable[[Action], Iterable[Step]],
    perform: Callable[[Step, Outputs], Outputs],
    journal: Journal,
    outputs: Outputs,
) -> Done:
    with _about(action):
        entry = journal.started(plan_id, action.model_dump(mode="json"))
    left: Outputs = {}
    try:
        for step in steps(action):
            left |= perform(step, outputs | left)
    except (MvopsError, OSError) as error:  # the latter: a disk that is full, a folder that may not be written
        failure = error if isinstance(error, MvopsError) else of_the_system(error, _MEND)
        with _about(action):
            journal.failed(entry, str(failure))
        return Done(action, "failed", outputs | left, failure, left)
    outputs = outputs | left
    with _about(action):
        if action.verb in {Verb.DELETE, Verb.FORGET, Verb.MOVE}:
            journal.finished(entry, outputs, forget=action.address)
        else:
            record = Record(address=action.address, spec=action.after or {}, outputs=outputs)
            journal.finished(entry, outputs, record=record)
    return Done(action, "done", outputs, left=left)


@contextmanager
def _about(action: Action) -> Iterator[None]:
    """Say which action it was that could not be written down."""
    try:
        yield
    except MvopsError as error:
        error.message = f"{action.address}: {error.message}"
        raise
