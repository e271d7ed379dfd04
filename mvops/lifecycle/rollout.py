"""How a challenger gets the traffic: pure decisions on what was seen, and the routes that follow from them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from mvops.core.config.model import Rollout
from mvops.core.frozen import Frozen
from mvops.core.rollout import RolloutState
from mvops.core.route import Arm, Route
from mvops.core.version import Version
from mvops.lifecycle.evidence import Evidence
from mvops.lifecycle.rules import findings
from mvops.lifecycle.verdicts import Verdict


class Decision(Frozen):
    """What to do now, and why in a sentence or two."""

    action: Literal["hold", "advance", "abort", "done", "wait"]  # `wait` is for a person
    sentence: str


def first_route(version: Version, serial: int = 1) -> Route:
    """All traffic to one version: the first, the one rolled back to, or the one that replaces another."""
    return _sole_route(version.model, version.number, serial)


def shares_of(settings: Rollout) -> tuple[int, ...]:
    """The steps of a new rollout: a shadow comes before those of a canary, whether or not it goes on to them."""
    return (0, *settings.steps) if settings.strategy == "shadow" else settings.steps


def route_for(state: RolloutState, serial: int, asked: int = 100) -> Route:
    """The route that `state` asks for; `serial` must be greater than that of the route before.

    In the shadow, the challenger is `asked` so many percent of the requests.

    At 100 % the champion stays in the route with no weight, so that an endpoint keeps it loaded for the way back.
    """
    if state.status != "running":
        return _sole_route(state.model, state.challenger if state.status == "done" else state.champion, serial)
    share = state.share
    if not share:
        shadow = Arm(arm="shadow", version=state.challenger, weight=asked)
        return _sole_route(state.model, state.champion, serial).model_copy(update={"shadow": shadow})
    arms = (
        Arm(arm="champion", version=state.champion, weight=100 - share),
        Arm(arm="challenger", version=state.challenger, weight=share),
    )
    return Route(model=state.model, serial=serial, arms=arms)


def decide(state: RolloutState, settings: Rollout, evidence: Evidence, now: datetime) -> Decision:
    """Hold, advance to the next share, abort, or be done.

    Any reason to abort comes first. A step ends when it has lasted `hold`, the challenger has answered
    `min_predictions` rows (at least one: silence is no reason to go on) and no rule has doubts. The last step, at
    100 %, is held like the others; after it the challenger is champion. A rollout that is over stays so, and the
    strategy `replace` is done at once.
    """
    if state.status != "running":
        return Decision(action="hold", sentence=f"The rollout is already {state.status}.")
    if settings.strategy == "replace":
        return Decision(action="done", sentence=f"Version {state.challenger} replaces version {state.champion}.")
    found = list(findings(state, settings, evidence, now))
    fatal = [sentence for verdict, sentence in found if verdict is Verdict.ABORT]
    if found:
        said = fatal or [sentence for _, sentence in found]
        return Decision(action="abort" if fatal else "hold", sentence=" ".join(said))
    seen = f"{evidence.challenger.rows:,} predictions without objection"
    return _forward(state, seen) if state.share else _out_of_shadow(state, settings, seen)


def _forward(state: RolloutState, seen: str) -> Decision:
    share, step = state.share, state.step + 1
    if step >= len(state.shares):
        return Decision(action="done", sentence=f"Version {state.challenger} becomes champion: {seen} at {share} %.")
    text = f"Version {state.challenger} goes from {share} % to {state.shares[step]} % of the traffic: {seen}."
    return Decision(action="advance", sentence=text)


def _out_of_shadow(state: RolloutState, settings: Rollout, seen: str) -> Decision:
    number, model = state.challenger, state.model
    then = settings.then if settings.strategy == "shadow" else "canary"
    if then == "replace":
        return Decision(action="done", sentence=f"Version {number} becomes champion: {seen} in the shadow.")
    if then == "canary":
        share = state.shares[state.step + 1]
        return Decision(
            action="advance", sentence=f"Version {number} goes from the shadow to {share} % of the traffic: {seen}."
        )
    ways = f"mvops versions promote {model} {number} --reason WHY, or mvops rollout abort {model}"
    return Decision(action="wait", sentence=f"Version {number} has {seen} in the shadow; you decide: {ways}")


def after(state: RolloutState, decision: Decision, now: datetime) -> RolloutState:
    """The state that a decision leads to; a rollout that is over does not change."""
    if state.status != "running" or decision.action in {"hold", "wait"}:
        return state
    if decision.action == "advance":
        return state.model_copy(
            update={"step": state.step + 1, "step_started": now, "reason": decision.sentence},
        )
    status = "done" if decision.action == "done" else "aborted"
    return state.model_copy(update={"status": status, "finished": now, "reason": decision.sentence})


def _sole_route(model: str, version: int, serial: int) -> Route:
    return Route(model=model, serial=serial, arms=(Arm(arm="champion", version=version, weight=100),))
