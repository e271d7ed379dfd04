"""Moving a challenger forward, step by step, on the evidence of its own traffic."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from mvops.core.rollout import RolloutState
from mvops.errors import ServingError, UsageError
from mvops.lifecycle.evidence import Evidence
from mvops.lifecycle.rollout import Decision, after, decide
from mvops.lifecycle.route_file import read_route
from mvops.performing.traffic import end_rollout, make_champion, steer
from mvops.registry import alerts, rollouts
from mvops.registry.events import record_event
from mvops.registry.lock import hold_lock
from mvops.serving.shadow_counts import ShadowCounts
from mvops.usecases.left_to_install import remark_on_files
from mvops.usecases.reaching import AnotherAnswersError, counts_of, endpoint_client
from mvops.usecases.rollout_evidence import evidence_of
from mvops.usecases.rollout_outcomes import RolloutOutcomes
from mvops.usecases.schedule import by_clock
from mvops.usecases.tracking import bring_along
from mvops.workspace import Workspace


@dataclass(frozen=True)
class RolloutNews:
    """Where a rollout stands after it was looked at, and the sentence that says why."""

    state: RolloutState
    decision: str  # hold, advance, abort, done, wait
    because: str
    requests: int = 0  # that both versions have got on the present route
    answered: bool = True  # the endpoint, when it was asked
    shadow: ShadowCounts | None = None  # where the challenger answers in the shadow


def current_rollout(workspace: Workspace, model: str) -> RolloutState | None:
    """The rollout that runs, if one does."""
    workspace.model(model)
    return rollouts.current(workspace.registry, model)


def look_once(workspace: Workspace, model: str, outcomes: RolloutOutcomes | None = None) -> RolloutNews:
    """Ask the endpoint how both versions do, and hold, advance or abort; `outcomes` may be those of an earlier look.

    Raises UsageError when nothing is rolling out. An endpoint that does not answer is silence: the rollout holds.
    """
    state = current_rollout(workspace, model)
    if state is None:
        raise UsageError(f"nothing is rolling out for {model}", hint=f"See: mvops versions list {model}")
    settings = workspace.model(model).rollout
    try:
        evidence, shadow = _evidence(workspace, state, outcomes or RolloutOutcomes(workspace, state))
    except AnotherAnswersError as error:
        return RolloutNews(state, "hold", f"{error.message}; start it: mvops serve {model} --port N", answered=False)
    except ServingError:
        return RolloutNews(
            state, "hold", f"the endpoint does not answer; start it: mvops serve {model}", answered=False
        )
    decision = decide(state, settings, evidence, datetime.now(UTC))
    requests = evidence.champion.requests + evidence.challenger.requests
    if decision.action in {"hold", "wait"}:
        return RolloutNews(state, decision.action, decision.sentence, requests, shadow=shadow)
    with hold_lock(workspace.registry, f"rollout {model}", wait=10):
        news = replace(_carry_out(workspace, state, decision), shadow=shadow)
    if news.decision in {"abort", "done"}:
        bring_along(workspace, model)
        remark_on_files(workspace, model)
    return news


_PATIENCE = 30.0


def patience_of(workspace: Workspace, model: str, *, answered: bool = True) -> float:
    """Seconds without a request, after which a rollout is followed no longer.

    Where the clock has it followed, nobody waits: then as long as a step is held, if the endpoint answers.
    """
    if not answered or not by_clock(workspace):
        return _PATIENCE
    return max(_PATIENCE, workspace.model(model).rollout.hold.total_seconds())


def follow(workspace: Workspace, model: str, *, every: float = 0.5) -> Iterator[RolloutNews]:
    """Look again and again until the rollout is done, aborted or a person's, or no request came for too long."""
    heard, requests = time.monotonic(), 0
    running = current_rollout(workspace, model)
    outcomes = RolloutOutcomes(workspace, running) if running else None
    while True:
        news = look_once(workspace, model, outcomes)
        yield news
        if news.decision in {"abort", "done", "wait"}:
            return
        if news.decision == "advance" or news.requests != requests:
            heard, requests = time.monotonic(), news.requests
        if time.monotonic() - heard > patience_of(workspace, model, answered=news.answered):
            return
        time.sleep(every)


def abort(workspace: Workspace, model: str, reason: str) -> RolloutState:
    """Give the champion all traffic back. Raises UsageError when nothing is rolling out."""
    with hold_lock(workspace.registry, f"rollout abort {model}", wait=10):
        ended = end_rollout(workspace, model, reason)
    if ended is None:
        raise UsageError(f"nothing is rolling out for {model}", hint=f"See: mvops versions list {model}")
    bring_along(workspace, model)
    return ended


def _carry_out(workspace: Workspace, state: RolloutState, decision: Decision) -> RolloutNews:
    if decision.action == "abort":
        ended = end_rollout(workspace, state.model, decision.sentence)
        return RolloutNews(ended or state, "abort", decision.sentence)
    moved = after(state, decision, datetime.now(UTC))
    rollouts.update(workspace.registry, moved)
    if decision.action == "done":
        make_champion(workspace, state.model, state.challenger, decision.sentence)
    else:
        steer(workspace, moved)
        record_event(workspace.registry, kind="traffic", subject=state.model, message=decision.sentence)
    return RolloutNews(moved, decision.action, decision.sentence)


def _evidence(
    workspace: Workspace, state: RolloutState, outcomes: RolloutOutcomes
) -> tuple[Evidence, ShadowCounts | None]:
    """What the endpoint counted since it took up the present route. Raises ServingError while it does not answer."""
    report = counts_of(workspace, state.model, endpoint_client(workspace, state.model))
    route = read_route(workspace.serving(state.model))
    if route is None or report.serial != route.serial:
        return Evidence(), None
    losses = outcomes.read() if workspace.model(state.model).rollout.abort.quality is not None else {}
    open_alerts = alerts.alerts(workspace.registry, state.model, status="open")
    return evidence_of(state, report, losses, open_alerts), report.shadow
