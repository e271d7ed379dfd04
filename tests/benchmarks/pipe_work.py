"""Five notebook steps, for papermill and for mvops: `python pipe_work.py papermill|mvops|overhead FOLDER`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import median
from typing import Any

STEPS = 5
LIBRARIES = "import pandas as pd\nfrom sklearn.linear_model import LogisticRegression"


def write_work(folder: Path, libraries: str) -> Path:
    """The steps as notebooks of their own (`step_N.ipynb`), and as the steps of one (`pipeline.ipynb`)."""
    folder.mkdir(parents=True)
    sources = [f"x{number} = {f'x{number - 1} + 1' if number else 1}" for number in range(STEPS)]
    for number in range(STEPS):  # papermill hands nothing from one to the next
        alone = "\n".join(sources[: number + 1])
        _write(folder / f"step_{number}.ipynb", ("", f"{libraries}\n{alone}" if libraries else alone))
    steps = [(f"step:s{number}", source) for number, source in enumerate(sources)]
    _write(folder / "pipeline.ipynb", *([("setup", libraries)] if libraries else []), *steps)
    return folder


def _write(path: Path, *cells: tuple[str, str]) -> None:
    made = [
        {
            "cell_type": "code",
            "id": f"cell-{number}",
            "metadata": {"tags": [tag] if tag else []},
            "execution_count": None,
            "outputs": [],
            "source": source,
        }
        for number, (tag, source) in enumerate(cells)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    book = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": made}
    path.write_text(json.dumps(book, indent=1), encoding="utf-8")


def with_papermill(folder: Path) -> None:
    """One notebook after the other, from this process."""
    import papermill

    for number in range(STEPS):
        notebook = folder / f"step_{number}.ipynb"
        papermill.execute_notebook(notebook, folder / f"made_{number}.ipynb", progress_bar=False, cwd=folder)


def with_mvops(folder: Path) -> Any:
    """All steps of the notebook, none from the cache."""
    from mvops.artifacts.store import ArtifactStore
    from mvops.notebook.results import PipelineJob
    from mvops.notebook.run import run_pipeline

    job = PipelineJob(folder / "pipeline.ipynb", folder, timeout=300.0, use_cache=False)
    return run_pipeline(
        job,
        store=ArtifactStore(".mvops/artifacts", folder),
        cache_dir=folder / ".mvops/cache",
        work_dir=folder / ".mvops/runs",
    )


def overhead(folder: Path) -> float:
    """Seconds for each step in which no notebook was run, once everything is imported: the median of nine runs."""
    with_mvops(folder)
    runs = [with_mvops(folder) for _ in range(9)]
    return median((run.seconds - sum(step.seconds for step in run.steps)) / STEPS for run in runs)


if __name__ == "__main__":
    place = Path(sys.argv[2])
    if sys.argv[1] == "papermill":
        with_papermill(place)
    elif sys.argv[1] == "mvops":
        with_mvops(place)
    else:
        sys.stdout.write(f"{overhead(place)}\n")
