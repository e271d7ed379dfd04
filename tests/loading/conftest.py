"""A project on disk, as small as a test needs it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest


class Build:
    """Writes a project; `project` and `model` are the files that are there unless a test says otherwise."""

    project = "defaults:\n  - preset: small/day_30\n  - _self_\nproject: flights\n"
    model = """\
pipeline:
  notebook: pipelines/flight_delay.ipynb
  inputs: {flights: data/flights_*.parquet}
  parameters: {n_estimators: 200}
  outputs: {model: clf, features: X_test, target: y_test}
evaluate: {task: classification, metrics: [roc_auc, log_loss]}
"""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "project"

    def __call__(self, files: Mapping[str, str | bytes | None] | None = None) -> Path:
        """Write `files` by their path; None leaves one out. Returns the project's root."""
        usual = {"configs/project.yaml": self.project, "configs/models/flight_delay.yaml": self.model}
        for name, text in (usual | dict(files or {})).items():
            if text is not None:
                path = self.root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return self.root


@pytest.fixture
def build(tmp_path: Path) -> Build:
    return Build(tmp_path)
