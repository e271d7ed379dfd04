"""A project with as many models as one likes, eight resources for each, and the state that an apply leaves."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any
from unittest import mock

import mvops
from mvops.notebook.engine import Execution, OnCell, Place

KINDS = ("dataset", "dataset", "pipeline", "model", "endpoint", "monitor", "schedule", "dashboard")

_PROJECT = """\
defaults:
  - preset: small/day_90
  - _self_

project: many
capabilities: {data_versioning: false, dashboards: true}
dashboard: {backend: grafana}
"""
_MODEL = """\
description: Does customer {number} come back
pipeline:
  notebook: pipelines/{name}.ipynb
  inputs: {{rows_path: data/{name}.csv, holidays_path: data/{name}_holidays.csv}}
  parameters: {{C: 1.0}}
  outputs: {{model: model, features: X_test, target: y_test, train_features: X_train}}
evaluate: {{task: classification, metrics: [accuracy]}}
gate: [accuracy >= 0.5]
endpoint: {{port: {port}}}
rollout: {{strategy: replace}}
monitor: {{every: 1d}}
"""
_CELLS = {
    "parameters": """\
rows_path = "../data/rows.csv"
holidays_path = "../data/holidays.csv"
C = 1.0
""",
    "step:load": """\
import pandas as pd

holidays = pd.read_csv(holidays_path)
df = pd.read_csv(rows_path)
df["holiday"] = df.day.isin(holidays.day) * 1
""",
    "step:train": """\
from sklearn.linear_model import LogisticRegression

X, y = df[["age", "income", "holiday"]], df["back"]
X_train, X_test, y_train, y_test = X[:80], X[80:], y[:80], y[80:]
model = LogisticRegression(C=C).fit(X_train, y_train)
""",
}


def write_project(root: Path, models: int) -> Path:
    """The files that people write: YAML, a notebook and data of its own for each model."""
    for folder in ("configs/models", "pipelines", "data"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    _write(root / "configs/project.yaml", _PROJECT)
    for number in range(models):
        name = f"customer_{number:03d}"
        _write(root / f"configs/models/{name}.yaml", _MODEL.format(name=name, number=number, port=20_000 + number))
        _write(root / f"pipelines/{name}.ipynb", _notebook(name))
        _write(root / f"data/{name}.csv", _rows(number))
        _write(root / f"data/{name}_holidays.csv", "day\n1\n6\n")
    return root


def apply_here(root: Path) -> None:
    """`mvops apply` with the notebooks' cells run in this process: kernels for all of them would take half an hour.

    Everything else is done as ever: values go from step to step through files, and versions are evaluated, judged,
    registered and rolled out.
    """
    with (
        mock.patch("mvops.notebook.step.execute", _run_cells),
        mock.patch("mvops.notebook.slots.warm_kernels", return_value=None),
    ):
        errors = [done.error for done in mvops.apply(directory=root) if done.error is not None]
    if errors:
        raise errors[0]


def _run_cells(notebook: dict[str, Any], place: Place, on_cell: OnCell | None = None) -> Execution:
    started = time.monotonic()
    scope: dict[str, Any] = {"__name__": "__main__"}
    with contextlib.chdir(place.cwd):
        for number, cell in enumerate(notebook["cells"], start=1):
            if cell["cell_type"] == "code":
                exec(compile(cell["source"], cell["id"], "exec"), scope)
            if on_cell is not None:
                on_cell(number, len(notebook["cells"]))
    return Execution(notebook, time.monotonic() - started, None)


def _write(path: Path, text: str) -> None:
    if not path.exists():  # what was applied keeps its time
        path.write_text(text, encoding="utf-8")


def _notebook(name: str) -> str:
    """No two models have a cell in common, so that nothing is read once for all of them."""
    cells = [
        {
            "cell_type": "code",
            "id": f"cell-{number}",
            "metadata": {"tags": [tag]},
            "execution_count": None,
            "outputs": [],
            "source": f"# {name}\n{source}",
        }
        for number, (tag, source) in enumerate(_CELLS.items())
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    book = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": cells}
    return json.dumps(book, indent=1)


def _rows(number: int) -> str:
    """A hundred customers, of whom the older ones come back."""
    ages = [(row * 37 + number) % 50 for row in range(100)]
    lines = [f"{row % 7},{20 + age},{1000 + (row * 91 + number) % 400},{int(age > 24)}" for row, age in enumerate(ages)]
    return "\n".join(["day,age,income,back", *lines, ""])


if __name__ == "__main__":  # FOLDER SIZE...: models_<size> in the folder for each
    folder = Path(sys.argv[1])
    for size in sys.argv[2:]:
        apply_here(write_project(folder / "growing", int(size)))
        shutil.copytree(folder / "growing", folder / f"models_{size}")
