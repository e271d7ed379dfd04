"""A user's project, and notebooks made of a few cells."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mvops.artifacts.store import ArtifactStore
from mvops.notebook.results import PipelineJob, PipelineResult, StepProgress
from mvops.notebook.run import run_pipeline

Cell = tuple[str, str] | str  # (tag, source), or an untagged source


def notebook(*cells: Cell, kernel: str = "python3", **metadata: Any) -> dict[str, Any]:
    """A notebook of code cells; a tag `markdown` makes a text cell, `original:ID` names the cell it was made from."""
    made = []
    for number, cell in enumerate(cells):
        tag, source = ("", cell) if isinstance(cell, str) else cell
        tags = [each for each in tag.split() if each != "markdown" and not each.startswith("original:")]
        origin = next((each.partition(":")[2] for each in tag.split() if each.startswith("original:")), None)
        ours = {"original_cell": origin} if origin else {}
        body: dict[str, Any] = {"cell_type": "code", "outputs": [], "execution_count": None}
        if tag == "markdown":
            body = {"cell_type": "markdown"}
        body |= {"id": f"c{number}", "source": source, "metadata": {"tags": tags, **({"mvops": ours} if ours else {})}}
        made.append(body)
    spec = {"name": kernel, "language": "python", "display_name": kernel}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": spec, **metadata}, "cells": made}


@dataclass
class Project:
    """A user's project in a folder of its own, and how to run its notebook."""

    root: Path
    path: Path
    seen: list[StepProgress] = field(default_factory=list)

    @property
    def store(self) -> ArtifactStore:
        return ArtifactStore(".mvops/artifacts", self.root)

    @property
    def places(self) -> dict[str, Any]:
        return {"store": self.store, "cache_dir": self.root / ".mvops/cache", "work_dir": self.root / ".mvops/runs"}

    def write(self, *cells: Cell, **metadata: Any) -> None:
        metadata.setdefault("mvops", {"format_version": 1, "cwd": "notebooks"})
        self.path.write_text(json.dumps(notebook(*cells, **metadata)))

    def job(self, **options: Any) -> PipelineJob:
        return PipelineJob(self.path, self.root, **{"timeout": 120.0, **options})

    def run(self, **options: Any) -> PipelineResult:
        self.seen.clear()
        return run_pipeline(self.job(**options), **self.places, on_progress=self.seen.append)

    def executed(self, sha256: str | None) -> list[dict[str, Any]]:
        assert sha256 is not None
        cells: list[dict[str, Any]] = json.loads(self.store.read_bytes(sha256))["cells"]
        return cells

    def left(self) -> list[str]:
        work = self.root / ".mvops/runs"
        return sorted(path.name for path in work.iterdir()) if work.exists() else []


def make_project(root: Path) -> Project:
    for name in ("pipelines", "notebooks", "data"):
        (root / name).mkdir(parents=True)
    return Project(root, root / "pipelines" / "model.ipynb")
