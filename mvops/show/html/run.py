"""A run in a notebook."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from mvops.core.run import Run, StepRun
from mvops.show.html.parts import bold, code, framed, line, metrics_table, table, text_block, toned
from mvops.show.run import run_lines

TONES = {"succeeded": "good", "failed": "bad", "interrupted": "warn", "running": "link", "cached": "soft"}


def html(run: Run) -> Markup:
    """Its steps, numbers and parameters, and why it failed where it did."""
    said = Markup("run {} of {}: {}").format(run.id, run.model, toned(run.status, TONES[run.status]))
    parts = [bold(said), line(_about(run), "soft"), table(("step", "", "seconds"), map(_step, run.steps))]
    parts.append(metrics_table(run.metrics.items()))
    parts.append(table(("parameter", "value"), ((code(n), code(repr(v))) for n, v in sorted(run.parameters.items()))))
    parts += [text_block(run.error)] if run.error else []
    if any(step.notebook for step in run.steps):
        parts.append(line(Markup("executed notebooks: {}").format(code(f"mvops runs notebook {run.id} --html"))))
    return framed(*parts)


def text(run: Run) -> Iterator[str]:
    """As on a terminal."""
    return run_lines(run)


def _about(run: Run) -> str:
    took = "" if run.finished is None else f" · {(run.finished - run.started).total_seconds():.1f} s"
    return f"{run.reason} · {run.started:%Y-%m-%d %H:%M} UTC{took}"


def _step(step: StepRun) -> tuple[object, ...]:
    took = "from the cache" if step.status == "cached" else f"{step.seconds:.1f}"
    return code(step.step), toned(step.status, TONES[step.status]), took
