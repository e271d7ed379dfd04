"""The rules of a rollout, each with what it found and a sentence that carries the numbers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from mvops.core.config.model import Abort, Rollout
from mvops.core.durations import format_duration
from mvops.core.rollout import RolloutState
from mvops.lifecycle.evidence import ArmEvidence, Evidence
from mvops.lifecycle.verdicts import (
    FEWEST_FOR_ERRORS,
    Verdict,
    judge_errors,
    judge_latency,
    judge_quality,
    judge_spread,
)

Finding = tuple[Verdict, str]

_STARVED = 20  # times as many requests as would bring the challenger its first one


def findings(state: RolloutState, settings: Rollout, evidence: Evidence, now: datetime) -> Iterator[Finding]:
    """Every objection to going on; nothing if there is none."""
    yield from _drift(state, settings.abort, evidence)
    yield from _errors(state, settings.abort, evidence)
    yield from _latency(settings.abort, evidence)
    yield from _spread(state, settings.abort, evidence)
    yield from _quality(state, settings.abort, evidence)
    yield from _patience(state, settings, evidence, now)
    yield from _sample(state, settings, evidence)


def _drift(state: RolloutState, rules: Abort, evidence: Evidence) -> Iterator[Finding]:
    if rules.drift is None:
        return
    for alert in evidence.alerts:
        mine = (alert.model, alert.version) == (state.model, state.challenger)
        if mine and alert.status == "open" and alert.kind in {"drift", "prediction"}:
            yield Verdict.ABORT, f"An alert is open for version {state.challenger}: {alert.reason}"


def _errors(state: RolloutState, rules: Abort, evidence: Evidence) -> Iterator[Finding]:
    if rules.error_rate is None:
        return
    ours, theirs = evidence.challenger, evidence.champion
    verdict = Verdict(
        int(
            judge_errors(
                (ours.errors, ours.requests), (theirs.errors, theirs.requests), rules.error_rate, len(state.shares)
            )
        )
    )
    if verdict is Verdict.FINE:
        return
    seen = f"Version {state.challenger} failed {_share(ours)}; {rules.error_rate:.3g} is allowed"
    if theirs.errors and theirs.requests >= FEWEST_FOR_ERRORS:
        seen += f"; the champion failed {_share(theirs)}"
    yield verdict, f"{seen}." if verdict is Verdict.ABORT else f"{seen}; too few to tell chance from fault."


def _latency(rules: Abort, evidence: Evidence) -> Iterator[Finding]:
    ours, theirs = evidence.challenger, evidence.champion
    if rules.latency_p99 is None or ours.latency_p99 is None or theirs.latency_p99 is None:
        return
    verdict = Verdict(
        int(judge_latency((ours.latency_p99, ours.requests), (theirs.latency_p99, theirs.requests), rules.latency_p99))
    )
    if verdict is Verdict.FINE:
        return
    seen = (
        f"The challenger's 99th percentile is {ours.latency_p99:.4g} ms, the champion's {theirs.latency_p99:.4g} ms:"
        f" {ours.latency_p99 / theirs.latency_p99:.3g}x where {rules.latency_p99:g}x is allowed"
    )
    yield verdict, f"{seen}." if verdict is Verdict.ABORT else f"{seen}; too few requests to be sure."


def _spread(state: RolloutState, rules: Abort, evidence: Evidence) -> Iterator[Finding]:
    ours, theirs = evidence.challenger, evidence.champion
    if rules.prediction_drift is None or not ours.predicted or len(ours.predicted) != len(theirs.predicted):
        return
    one, other = ((arm.predicted, arm.requests - arm.errors) for arm in (ours, theirs))
    verdict = Verdict(int(judge_spread(one, other, rules.prediction_drift, len(state.shares))))
    if verdict is Verdict.FINE:
        return
    apart = sum(abs(here - there) for here, there in zip(ours.predicted, theirs.predicted, strict=True)) / 2
    seen = (
        f"The predictions of version {state.challenger} are spread otherwise than the champion's: {apart:.2f} of them"
        f" would have to move, {rules.prediction_drift:g} are allowed"
    )
    yield verdict, f"{seen}." if verdict is Verdict.ABORT else f"{seen}; too few to tell chance from drift."


def _quality(state: RolloutState, rules: Abort, evidence: Evidence) -> Iterator[Finding]:
    ours, theirs = evidence.challenger.loss, evidence.champion.loss
    if rules.quality is None or ours is None or theirs is None:
        return
    one, other = ((loss.mean, loss.variance, loss.outcomes) for loss in (ours, theirs))
    verdict = Verdict(int(judge_quality(one, other, rules.quality)))
    if verdict is Verdict.FINE:
        return
    seen = (
        f"By {ours.outcomes:,} outcomes the mean loss of version {state.challenger} is {ours.mean:.4g}, the champion's"
        f" by {theirs.outcomes:,} is {theirs.mean:.4g}; {rules.quality:.0%} more are allowed"
    )
    yield verdict, f"{seen}." if verdict is Verdict.ABORT else f"{seen}; too few to tell chance from fault."


def _patience(state: RolloutState, settings: Rollout, evidence: Evidence, now: datetime) -> Iterator[Finding]:
    seconds = evidence.seconds_in_step
    if seconds is None:
        seconds = (now - state.step_started).total_seconds()
    if seconds < settings.hold.total_seconds():
        yield Verdict.WAIT, f"This step has lasted {max(0, seconds):.0f} s of {format_duration(settings.hold)}."


def _sample(state: RolloutState, settings: Rollout, evidence: Evidence) -> Iterator[Finding]:
    wanted = max(1, settings.min_predictions)
    rows = evidence.challenger.rows
    if rows >= wanted:
        return
    share = state.share / 100
    starved = evidence.challenger.requests == 0 and evidence.champion.requests * share > _STARVED
    doubt = " It gets no requests although the champion does: has the endpoint loaded it?" if starved else ""
    doubt = f" {evidence.trouble}" if evidence.trouble else doubt
    yield Verdict.WAIT, f"Version {state.challenger} has answered {rows:,} of {wanted:,} predictions.{doubt}"


def _share(arm: ArmEvidence) -> str:
    return f"{arm.errors:,} of {arm.requests:,} requests ({arm.errors / max(1, arm.requests):.3g})"
