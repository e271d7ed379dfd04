"""Running an original notebook as it is, in its own folder."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mvops.errors import NotebookError, Where
from mvops.notebook.engine import Place, execute
from mvops.notebook.failures import Failure
from mvops.notebook.kernels import choose_kernel
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


def run_original(
    notebook: dict[str, Any], path: Path, job: PipelineJob, tell: Callable[[StepProgress], None], folder: Folder
) -> Ran:
    """Run `notebook`, which is that at `path` as it is watched, in the kernel and the time of `job`.

    Raises NotebookError where it does not run.
    """
    kernel = choose_kernel(notebook["metadata"], path, job.asked)
    total = len(notebook["cells"])
    tell(StepProgress("original", 0, 1, "started", 0, total))
    execution = execute(
        notebook,
        Place(kernel, path.resolve().parent, time.monotonic() + job.timeout, memory=job.memory),
        lambda done, cells: tell(StepProgress("original", 0, 1, "running", done, cells)),
    )
    if execution.failure is not None:
        tell(StepProgress("original", 0, 1, "failed", total, total, execution.seconds))
        message = explain("original", execution.failure, execution.notebook, job.timeout)
        raise NotebookError(
            message.replace("Step 'original' failed", "The original notebook does not run"),
            hint="Make it run from top to bottom in Jupyter (Restart and run all), then promote it again.",
            where=Where(path, _line(notebook, execution.failure)),
        )
    tell(StepProgress("original", 0, 1, "succeeded", total, total, execution.seconds))
    asked = answer(execution.notebook["cells"])
    return Ran(own_cells(execution.notebook), asked, folder.changed(), execution.seconds)


def _line(notebook: dict[str, Any], failure: Failure) -> int | None:
    """Where it failed in the file of a notebook that is kept as text."""
    cell = notebook["cells"][failure.cell] if failure.cell is not None else None
    line = cell["metadata"].get("mvops", {}).get("line") if cell else None
    return None if line is None else int(line) + (failure.line_number or 1) - 1
