"""A rollout as text and as JSON."""

from __future__ import annotations

from typing import Any

from mvops.usecases.rollout import RolloutNews

_WORDS = {"hold": "waits", "advance": "goes on", "abort": "aborted", "done": "done"}


def news_line(news: RolloutNews) -> str:
    """Where the rollout stands, and why."""
    state = news.state
    share = f"{state.shares[state.step]} %" if state.status == "running" else state.status
    return f"canary of version {state.challenger} ({share}) {_WORDS[news.decision]}: {news.because}"


def news_json(news: RolloutNews) -> dict[str, Any]:
    """The rollout's state, the decision and its reason."""
    return {"state": news.state.model_dump(mode="json"), "decision": news.decision, "because": news.because}
