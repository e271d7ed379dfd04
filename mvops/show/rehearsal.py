"""A rehearsal as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mvops.usecases.rehearsing import Rehearsed


def rehearsal_lines(found: Rehearsed, *, classifies: bool) -> Iterator[str]:
    """What became of the rows, and how far the answers were apart."""
    told = found.disagreement
    yield f"{found.model}: version {found.version} rehearsed on the {found.rows:,} newest rows, {told.rows:,} answered"
    for name, reasons in (("refused", found.refused), ("failed", found.failed)):
        for reason, count in sorted(reasons.items(), key=lambda one: -one[1]):
            yield f"  {name:<10} {count:,} rows: {reason}"
    if found.lacking:
        yield f"  left out   {found.lacking:,} rows: the log does not have all of their columns any more"
    if found.p50_ms is not None and found.p99_ms is not None:
        yield f"  latency    p50 {found.p50_ms:.3g} ms, p99 {found.p99_ms:.3g} ms, a row alone"
    if told.rows:
        yield _disagreement(found, classifies=classifies)
    for segment in told.segments:
        much = f"{segment.disagreement:.2%}" if classifies else f"{segment.disagreement:.4g} on average"
        yield f"    most where {segment.column} is {segment.values}: {much} ({segment.rows:,} rows)"
    if told.quality is not None:
        quality, what = told.quality, "wrong" if classifies else "mean absolute error"
        interval = "" if quality.low is None else f" ({quality.low:+.4g} to {quality.high:+.4g}, 95 %)"
        yield (
            f"  outcomes   {quality.rows:,} rows: {what} {quality.challenger:.4g} instead of {quality.given:.4g},"
            f" difference {quality.difference:+.4g}{interval}"
        )


def _disagreement(found: Rehearsed, *, classifies: bool) -> str:
    told = found.disagreement
    if classifies:
        return f"  disagrees  {told.share:.2%} of the rows get another class than was given"
    apart = f"{told.mean:.4g} on average, {told.largest:.4g} at most, {told.bias:+.4g} in one direction"
    return f"  disagrees  {apart}: {told.share:.2%} of what was given"


def rehearsal_json(found: Rehearsed) -> dict[str, Any]:
    """All of it."""
    return found.model_dump(mode="json")
