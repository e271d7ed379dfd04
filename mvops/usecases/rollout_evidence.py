"""What an endpoint counted of a rollout, as the rules read it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mvops.core.alert import Alert
from mvops.core.rollout import RolloutState
from mvops.lifecycle.evidence import ArmEvidence, Evidence, Loss
from mvops.serving.counts import ArmCounts, RolloutCounts
from mvops.serving.shadow_counts import ShadowCounts


def evidence_of(
    state: RolloutState, report: RolloutCounts, losses: Mapping[int, Loss], alerts: Iterable[Alert]
) -> Evidence:
    """`losses` are by version, of those whose outcomes are in."""
    counted: list[ArmCounts | ShadowCounts] = [*report.arms, *([report.shadow] if report.shadow else [])]
    arms = {one.version: _arm(one, losses.get(one.version)) for one in counted}
    return Evidence(
        champion=arms.get(state.champion, ArmEvidence()),
        challenger=arms.get(state.challenger, ArmEvidence()),
        alerts=tuple(alerts),
        trouble=(report.shadow.trouble or "") if report.shadow else "",
    )


def _arm(counts: ArmCounts | ShadowCounts, loss: Loss | None) -> ArmEvidence:
    return ArmEvidence(
        requests=counts.requests,
        errors=counts.errors,
        rows=counts.rows,
        latency_p99=counts.latency_p99_ms,
        predicted=counts.predicted,
        loss=loss,
    )
