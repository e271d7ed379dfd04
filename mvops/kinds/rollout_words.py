"""What a plan says of a model's rollout: the one that runs, and the one that a new version would begin."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mvops.core.action import Action
from mvops.core.address import name_of
from mvops.core.config.model import Rollout
from mvops.core.durations import format_duration
from mvops.core.environment import wording
from mvops.core.rollout import rolling, stage
from mvops.kinds.kind import Look
from mvops.kinds.recorded import canaries
from mvops.kinds.standing import Standing
from mvops.lifecycle.route_file import ROUTE
from mvops.serving.ownership import is_held
from mvops.witness import is_file


def recorded(rollout: Rollout) -> dict[str, Any]:
    """Without what only a shadow has, so that a record of an earlier version is still what is wanted."""
    only = set() if rollout.strategy == "shadow" else {"share", "then"}
    told = rollout.model_dump(mode="json", exclude={*only, "every"})  # `every` is the schedule's
    late = {"prediction_drift", "quality"}  # rules that an earlier version did not have
    told["abort"] = {rule: value for rule, value in told["abort"].items() if rule not in late or value is not None}
    return told


def stays(look: Look, name: str, champion: Standing) -> Iterator[str]:
    """The champion is what is wanted; a canary of something else is not."""
    yield f"version {champion.number}, the champion, was trained with just this: nothing is trained"
    running = look.once(canaries).get(name)
    if running is not None:
        what = "canary" if running.share else "shadow"
        yield f"the {what} of version {running.challenger} ends; version {champion.number} gets all of the traffic back"


def as_canary(action: Action, look: Look, *, lost: bool) -> Iterator[str]:
    """What the gate's yes means for the traffic, where it is handed over in steps, and for a canary that runs.

    At once, where the version that serves is `lost`.
    """
    name = name_of(action.address)
    running = look.once(canaries).get(name)
    if running is not None:
        yield f"    {rolling(running.challenger, running.share)} ends when the new version begins"
    if not look.workspace.project.by_canary(name) or lost:
        return
    folder = look.workspace.serving(name)
    if running is None and not is_file(folder / ROUTE) and not is_held(folder / "spool"):  # as `performing/traffic.py`
        yield "    the gate's yes gives it all of the traffic at once, and not as a canary: its route is gone, and no"
        yield "    endpoint runs that knew it"
    else:
        yield f"    the gate's yes makes it a {_by_steps(look.workspace.project.models[name].rollout)}"


def _by_steps(rollout: Rollout) -> str:
    steps = f"{', '.join(map(str, rollout.steps))} % of the traffic"
    if rollout.strategy != "shadow":
        return f"canary: {steps}"
    then = {"canary": f"a canary: {steps}", "replace": "champion", "wait": "what you decide"}[rollout.then]
    return f"shadow, asked {rollout.share} % of the requests for {format_duration(rollout.hold)}; then {then}"


def let_through(action: Action, look: Look) -> Iterator[str]:
    """What a new gate does not ask of a challenger that is on its way."""
    if not any(change.field.startswith("gate") for change in action.changes):
        return
    name = name_of(action.address)
    running = look.once(canaries).get(name)
    if running is not None:
        typed = wording(look.workspace.project.environment)["typed"]
        yield (
            f"the gate until now let version {running.challenger} pass, which is a {stage(running.share)}: it goes on"
        )
        yield f"    to its end: {typed} rollout status {name} --follow; no further: {typed} rollout abort {name}"
