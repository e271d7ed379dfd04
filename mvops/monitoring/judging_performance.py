"""Has the model become worse? The leading metric on the outcomes known so far, against the baseline's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mvops.core.config.model import Monitor
from mvops.monitoring.baseline import Baseline
from mvops.monitoring.performance import LOWER_IS_BETTER, Measured, Performance, merge, metric
from mvops.monitoring.summary import Summary
from mvops.monitoring.tails import inverse, normal_sf

_FURTHEST = 28  # windows that may be joined to have enough outcomes
_RELATIVE = frozenset({"rmse", "mae"})  # their unit is the target's, so the tolerance is a share of the held-out value


def judge_performance(
    baseline: Baseline, window: Summary, monitor: Monitor, history: Sequence[Summary], level: float
) -> dict[str, Any] | None:
    """The fields of a Finding; None without enough outcomes.

    Where the window has fewer outcomes than `monitor.min_rows`, earlier ones are joined to it. The alarm needs the
    whole interval (at the confidence that the false-alarm rate asks for, with the held-out value's own uncertainty in
    it) to be worse than the held-out value by more than `monitor.tolerance`: absolute, for rmse and mae relative.
    """
    name = baseline.metrics[0]
    pairs, windows = _enough(window, history, monitor.min_rows)
    now, before = metric(pairs, name), metric(baseline.performance, name)
    if window.performance.rows == 0 or pairs.rows < monitor.min_rows or now is None or before is None:
        return None
    sign = 1.0 if name in LOWER_IS_BETTER else -1.0
    allowed = monitor.tolerance * (abs(before.value) if name in _RELATIVE else 1.0)
    worse = sign * (now.value - before.value)
    error = max((now.error**2 + before.error**2) ** 0.5, 1e-12)
    half = inverse(normal_sf, level) * error
    threshold = before.value + sign * (allowed + half)
    return {
        "feature": name,
        "kind": "performance",
        "statistic": name,
        "value": now.value,
        "threshold": threshold,
        "effect": max(worse, 0.0),
        "p": normal_sf((worse - allowed) / error),
        "psi": None,
        "significant": worse - half > allowed,
        "material": worse > allowed,
        "importance": None,
        "sentence": _sentence(name, before, now, (half, allowed), (pairs.rows, windows, window.rows)),
    }


def _enough(window: Summary, history: Sequence[Summary], least: int) -> tuple[Performance, int]:
    found, windows = window.performance, 1
    for earlier in reversed(history[-_FURTHEST + 1 :]):
        if found.rows >= least:
            break
        found, windows = merge(found, earlier.performance), windows + 1
    return found, windows


def _sentence(
    name: str, before: Measured, now: Measured, widths: tuple[float, float], extent: tuple[int, int, int]
) -> str:
    half, allowed = widths
    rows, windows, predicted = extent
    known = f"{rows} outcomes" if windows > 1 or not predicted else f"{min(rows / predicted, 1):.0%} of outcomes known"
    over = f" over {windows} windows" if windows > 1 else ""
    return (
        f"{name}: {before.value:.3g} -> {now.value:.3g}{over} "
        f"(between {now.value - half:.3g} and {now.value + half:.3g}; {known}; tolerated {allowed:.3g})"
    )
