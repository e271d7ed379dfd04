"""A model's runs in a notebook."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from mvops.core.counts import counted
from mvops.show.html.parts import bold, code, framed, table, toned
from mvops.show.html.run import TONES
from mvops.show.lists import Runs
from mvops.show.runs import metrics_text, run_table, seconds_text
from mvops.usecases.runs import RunLine


def html(runs: Runs) -> Markup:
    """A row for each."""
    heads = ("run", "", "took", "version", "metrics", "why")
    return framed(bold(f"{runs.model}: {counted(len(runs), 'run')}"), table(heads, map(_row, runs)))


def text(runs: Runs) -> Iterator[str]:
    """As on a terminal."""
    return run_table(runs.model, runs)


def _row(line: RunLine) -> tuple[object, ...]:
    run = line.run
    status = toned(run.status, TONES[run.status])
    return code(run.id), status, seconds_text(run), line.version or "", metrics_text(run), run.reason
