"""A rollout as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mvops.serving.shadow_counts import ShadowCounts
from mvops.usecases.rollout import RolloutNews

_WORDS = {"hold": "waits", "advance": "goes on", "abort": "aborted", "done": "done", "wait": "waits for you"}


def news_line(news: RolloutNews) -> str:
    """Where the rollout stands, and why."""
    state = news.state
    what = f"{'canary' if state.share else 'shadow'} of version {state.challenger}"
    stands = f"{state.share} %" if state.share else ""
    stands = stands if state.status == "running" else state.status
    return f"{what}{f' ({stands})' if stands else ''} {_WORDS[news.decision]}: {news.because}"


def shadow_lines(shadow: ShadowCounts | None) -> Iterator[str]:
    """What the shadow did, and how far it was from what was answered."""
    if shadow is None:
        return
    yield (
        f"  asked      {shadow.requests:,} requests ({shadow.rows:,} rows), {shadow.errors:,} failed, "
        f"{shadow.dropped:,} dropped as too many waited"
    )
    if shadow.latency_p50_ms is not None and shadow.latency_p99_ms is not None:
        yield f"  latency    p50 {shadow.latency_p50_ms:.4g} ms, p99 {shadow.latency_p99_ms:.4g} ms"
    if shadow.disagreement is not None:
        yield f"  disagrees  {shadow.disagreement:.2%} of the rows have another class"
    if shadow.mean_difference is not None:
        what = "of the value" if shadow.disagreement is None else "of the given class's probability"
        yield (
            f"  difference {what}: {shadow.mean_difference:.4g} on average, p50 {shadow.difference_p50:.3g}, "
            f"p99 {shadow.difference_p99:.3g}"
        )
    if shadow.trouble:
        yield f"  trouble    {shadow.trouble}"


def news_json(news: RolloutNews) -> dict[str, Any]:
    """The rollout's state, the decision and its reason; what the shadow did, where there is one."""
    shadow = {"shadow": news.shadow.model_dump()} if news.shadow else {}
    return {"state": news.state.model_dump(mode="json"), "decision": news.decision, "because": news.because, **shadow}
