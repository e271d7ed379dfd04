"""Runs as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mvops.core.action import NOT_SET
from mvops.core.run import Run
from mvops.show.versions import commit_words
from mvops.usecases.runs import RunComparison, RunLine


def run_rows(lines: Sequence[RunLine]) -> list[dict[str, Any]]:
    """Each run whole, with the version that it became."""
    return [line.run.model_dump(mode="json", exclude={"runner"}) | {"version": line.version} for line in lines]


def run_table(model: str, lines: Sequence[RunLine]) -> Iterator[str]:
    """A line for each run."""
    if not lines:
        yield f"{model} has no run yet: mvops run {model}"
        return
    for line in lines:
        run = line.run
        became = f"version {line.version}" if line.version else ""
        yield f"{run.id}  {run.status:<11}  {seconds_text(run):>7}  {became:<11} {metrics_text(run)}  {run.reason}"


def run_detail(line: RunLine) -> Iterator[str]:
    """Everything that is known of a run."""
    run = line.run
    took = f" in {seconds_text(run)}" if run.finished else _runner(run)
    yield f"run {run.id} of {run.model}: {run.status}{took}, {run.reason}"
    if line.version:
        yield f"  version      {line.version}: mvops versions show {run.model} {line.version}"
    if run.metrics:
        yield f"  metrics      {metrics_text(run)}"
    yield from (f"  parameter    {name} = {value}" for name, value in sorted(run.parameters.items()))
    yield from (f"  input        {name}  {digest[:16]}" for name, digest in sorted(run.inputs.items()))
    if run.code is not None:
        yield f"  code         {', '.join(run.code.notebooks)}, {commit_words(run.code)}"
    for step in run.steps:
        took = "from the cache" if step.status == "cached" else f"{step.status} in {step.seconds:.1f} s"
        yield f"  step         {step.step}: {took}"
    if run.error is not None:
        yield from (f"  error        {text}" for text in run.error.splitlines()[:5])
    if any(step.notebook for step in run.steps):
        yield f"  notebooks    mvops runs notebook {run.id} --html (or: --output DIR)"


def run_comparison(found: RunComparison) -> Iterator[str]:
    """A line for each difference, a column for each run."""
    if not found.differences:
        yield "These runs did the same with the same result."
        return
    head = ("", *(run.id for run in found.runs))
    table = [head, *((field, *map(_short, values)) for field, values in found.differences.items())]
    widths = [max(len(row[column]) for row in table) for column in range(len(head))]
    for row in table:
        yield "  " + "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()


def written_lines(paths: Sequence[Path]) -> Iterator[str]:
    """What was written."""
    yield from (f"  {path}" for path in paths)


def _runner(run: Run) -> str:
    return f", begun by process {run.runner['pid']} on {run.runner['host']}" if run.runner else ""


def seconds_text(run: Run) -> str:
    """How long it took, if it has ended."""
    return "" if run.finished is None else f"{(run.finished - run.started).total_seconds():.1f} s"


def metrics_text(run: Run) -> str:
    """On one line."""
    return " ".join(f"{name}={value:.4f}" for name, value in run.metrics.items())


def _short(value: object) -> str:
    text = NOT_SET if value is None else f"{value:.4f}" if isinstance(value, float) else str(value)
    return text if len(text) <= 40 else f"{text[:16]}…"
