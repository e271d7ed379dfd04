"""Running original notebooks as they are, each in its own folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mvops.errors import NotebookError, Where
from mvops.notebook.engine import Execution, Place, execute
from mvops.notebook.failures import Failure
from mvops.notebook.kernels import choose_kernel
from mvops.notebook.places import Places
from mvops.notebook.predicted import answer
from mvops.notebook.results import PipelineJob, StepProgress
from mvops.notebook.step import explain
from mvops.notebook.watched import own_cells
from mvops.notebook.written import Folder


@dataclass(frozen=True)
class Ran:
    """What a notebook showed in its cells, what its model predicted, and which files it wrote, with their digests."""

    cells: list[dict[str, Any]]
    answer: dict[str, Any] | None
    files: dict[str, str]
    seconds: float


def run_originals(
    notebooks: Sequence[dict[str, Any]],
    paths: Sequence[Path],
    job: PipelineJob,
    tell: Callable[[StepProgress], None],
    folder: Folder,
) -> Ran:
    """Run the notebooks, which are those at `paths` as they are watched, one after the other.

    Each has a kernel of its own, and the time of `job`. Raises NotebookError where one does not run.
    """
    places = Places.of([path.name for path in paths], [len(own_cells(notebook)) for notebook in notebooks])
    cells: list[dict[str, Any]] = []
    asked: dict[str, Any] | None = None
    seconds = 0.0
    for at, (notebook, path) in enumerate(zip(notebooks, paths, strict=True)):
        progress = StepProgress("original", at, len(paths), "started", 0, len(notebook["cells"]))
        execution = _run(notebook, path, job, tell, progress)
        cells += places.number(own_cells(execution.notebook), at)
        asked = answer(execution.notebook["cells"]) or asked
        seconds += execution.seconds
    return Ran(cells, asked, folder.changed(), seconds)


def _run(
    notebook: dict[str, Any],
    path: Path,
    job: PipelineJob,
    tell: Callable[[StepProgress], None],
    progress: StepProgress,
) -> Execution:
    kernel = choose_kernel(notebook["metadata"], path, job.asked)
    tell(progress)
    execution = execute(
        notebook,
        Place(kernel, path.resolve().parent, time.monotonic() + job.timeout, memory=job.memory),
        lambda done, cells: tell(replace(progress, status="running", cells_done=done, cells=cells)),
    )
    done = replace(progress, cells_done=progress.cells, seconds=execution.seconds)
    if execution.failure is not None:
        tell(replace(done, status="failed"))
        message = explain("original", execution.failure, execution.notebook, job.timeout)
        raise NotebookError(
            message.replace("Step 'original' failed", "The original notebook does not run"),
            hint="Make it run from top to bottom in Jupyter (Restart and run all), then promote it again.",
            where=Where(path, _line(notebook, execution.failure)),
        )
    tell(replace(done, status="succeeded"))
    return execution


def _line(notebook: dict[str, Any], failure: Failure) -> int | None:
    """Where it failed in the file of a notebook that is kept as text."""
    cell = notebook["cells"][failure.cell] if failure.cell is not None else None
    line = cell["metadata"].get("mvops", {}).get("line") if cell else None
    return None if line is None else int(line) + (failure.line_number or 1) - 1
