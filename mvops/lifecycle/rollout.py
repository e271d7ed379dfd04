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

    action: Literal["hold", "advance", "abort", "done"]
    sentence: str


def first_route(version: Version, serial: int = 1) -> Route:
    """All traffic to one version: the first, the one rolled back to, or the one that replaces another."""
    return _sole_route(version.model, version.number, serial)


def route_for(state: RolloutState, serial: int) -> Route:
    """The route that `state` asks for; `serial` must be greater than that of the route before.

    At 100 % the champion stays in the route with no weight, so that an endpoint keeps it loaded for the way back.
    """
    if state.status != "running":
        return _sole_route(state.model, state.challenger if state.status == "done" else state.champion, serial)
    share = state.shares[state.step]
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
    if fatal:
        return Decision(action="abort", sentence=" ".join(fatal))
    if found:
        return Decision(action="hold", sentence=" ".join(sentence for _, sentence in found))
    seen = f"{evidence.challenger.rows:,} predictions without objection"
    share, step = state.shares[state.step], state.step + 1
    if step >= len(state.shares):
        return Decision(action="done", sentence=f"Version {state.challenger} becomes champion: {seen} at {share} %.")
    text = f"Version {state.challenger} goes from {share} % to {state.shares[step]} % of the traffic: {seen}."
    return Decision(action="advance", sentence=text)


def after(state: RolloutState, decision: Decision, now: datetime) -> RolloutState:
    """The state that a decision leads to; a rollout that is over does not change."""
    if state.status != "running" or decision.action == "hold":
        return state
    if decision.action == "advance":
        return state.model_copy(
            update={"step": state.step + 1, "step_started": now, "reason": decision.sentence},
        )
    status = "done" if decision.action == "done" else "aborted"
    return state.model_copy(update={"status": status, "finished": now, "reason": decision.sentence})


def _sole_route(model: str, version: int, serial: int) -> Route:
    return Route(model=model, serial=serial, arms=(Arm(arm="champion", version=version, weight=100),))
