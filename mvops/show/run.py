"""A run as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mvops.core.run import Run


def run_lines(run: Run) -> Iterator[str]:
    """The steps with their times, and where the run is kept."""
    yield from _lines(((step.step, step.status, step.seconds) for step in run.steps), run.metrics, run.id, run.status)


def told_lines(told: Mapping[str, Any]) -> Iterator[str]:
    """The same of a run as JSON."""
    steps = ((step["step"], step["status"], step["seconds"]) for step in told["steps"])
    yield from _lines(steps, told["metrics"], told["id"], told["status"])


def _lines(
    steps: Iterable[tuple[str, str, float]], metrics: Mapping[str, float], run_id: str, status: str
) -> Iterator[str]:
    for name, how, seconds in steps:
        took = "from the cache" if how == "cached" else f"{seconds:.1f} s"
        yield f"  {name:<16} {took}"
    if metrics:
        yield "  " + " ".join(f"{name}={value:.4f}" for name, value in metrics.items())
    yield f"Run {run_id} {status}."
