"""A run as text."""

from __future__ import annotations

from collections.abc import Iterator

from mvops.core.run import Run


def run_lines(run: Run) -> Iterator[str]:
    """The steps with their times, and where the run is kept."""
    for step in run.steps:
        took = "from the cache" if step.status == "cached" else f"{step.seconds:.1f} s"
        yield f"  {step.step:<16} {took}"
    if run.metrics:
        yield "  " + " ".join(f"{name}={value:.4f}" for name, value in run.metrics.items())
    yield f"Run {run.id} {run.status}."
