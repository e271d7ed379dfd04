"""Making a version again: its data, its notebook and its parameters in a folder of their own, trained and compared."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mvops.artifacts.elsewhere import load_version
from mvops.artifacts.store import ArtifactStore
from mvops.artifacts.values import load_value
from mvops.core.config.model import Evaluate
from mvops.core.progress import Progress, Tell, silent
from mvops.core.version import Version
from mvops.errors import UsageError
from mvops.features.joined import joined_file
from mvops.lifecycle.environment import capture_environment, model_modules
from mvops.lifecycle.evaluate import evaluate
from mvops.lifecycle.held_out import handed_over
from mvops.lifecycle.reproduction import (
    Made,
    Reproduction,
    compare,
    judge,
    largest_difference,
    numbers_differ,
)
from mvops.lifecycle.scores import score
from mvops.notebook.kernels import Asked
from mvops.notebook.results import PipelineJob, PipelineResult, StepFailedError, StepProgress
from mvops.notebook.run import run_pipeline
from mvops.notebook.verify import unseeded_in
from mvops.performing.traffic import version_of
from mvops.registry.events import record_event
from mvops.registry.versions import champion
from mvops.usecases.restoring import Restored, restore
from mvops.workspace import Workspace

TOLERANCE = 1e-9
_DEEP = ("1", "2", "3", "project")  # an input may lie beside the project, at ../data


def reproduce(workspace: Workspace, name: str, *, tolerance: float = TOLERANCE, tell: Tell = silent) -> Reproduction:
    """Train version V of `name` (MODEL@V; the champion without @V) again and compare; the project is not touched.

    Raises UsageError or RegistryError for a version that is none, DataError, BackendError or ArtifactError where its
    data or code cannot be brought back, StepFailedError if it does not run any more. What came out is an event.
    """
    version = _version(workspace, name)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mvops-reproduce-") as folder:
        root = Path(folder, *_DEEP)
        root.mkdir(parents=True)
        tell(Progress(what=f"{version.model}: bring back data and code of version {version.number}"))
        restored = restore(workspace, version, root)
        attempt = _Attempt(workspace, version, restored, Path(folder), tell)
        found = _compared(attempt, tolerance)
    found = found.model_copy(update={"seconds": time.monotonic() - started})
    record_event(
        workspace.registry,
        kind="reproduce",
        subject=version.model,
        message=f"version {version.number} made again: {found.verdict.replace('_', ' ')}",
        details=found.model_dump(mode="json"),
    )
    return found


@dataclass(frozen=True)
class _Attempt:
    workspace: Workspace
    version: Version
    restored: Restored
    folder: Path
    tell: Tell

    def train(self, number: int) -> tuple[PipelineResult, ArtifactStore]:
        """Run everything, nothing from a cache; what it makes goes into a store of its own."""
        recipe, root = self.restored.recipe, self.folder.joinpath(*_DEEP)
        joined = joined_file(self.workspace, self.version.model)
        place = self.folder / f"run-{number}"
        store = ArtifactStore("artifacts", place)
        job = PipelineJob(
            notebook=root / self.version.code.notebook,
            later=tuple(root / notebook for notebook in self.version.code.later),
            root=root,
            parameters=recipe.parameters,
            inputs=recipe.inputs,
            # joined features are known by how they were made, not by their bytes
            digests={name: self.version.data[name] for name, path in recipe.inputs.items() if path == joined},
            outputs=recipe.outputs,
            **self._limits(),
            use_cache=False,
            asked=Asked.of(self.workspace.root, recipe.kernel, recipe.python),
        )
        try:
            result = run_pipeline(
                job, store=store, cache_dir=place / "cache", work_dir=place / "runs", on_progress=self._on_progress
            )
        except StepFailedError as error:
            raise self._failed(error) from error
        return result, store

    def _limits(self) -> dict[str, Any]:
        """Those of the model as its YAML is now; what decides no result is no part of the recipe."""
        model = self.workspace.project.models.get(self.version.model)
        if model is None:
            return {}
        return {"timeout": model.pipeline.timeout.total_seconds(), "memory": model.pipeline.memory}

    def _on_progress(self, progress: StepProgress) -> None:
        share = progress.cells_done / progress.cells if progress.cells else 0.0
        what = f"{self.version.model}@{self.version.number}: {progress.step}"
        self.tell(Progress(what=what, done=progress.index + share, total=progress.total))

    def _failed(self, error: StepFailedError) -> StepFailedError:
        """The temporary folder goes; the executed notebook is moved to where those of failed runs lie."""
        kept = None
        if error.notebook is not None:
            kept = self.workspace.work / f"{self.version.model}-{self.version.number}-reproduced-failed.ipynb"
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(error.notebook.read_bytes())
        return StepFailedError(
            f"version {self.version.number} does not run any more. {error.message}",
            hint=f"Does it read a file that is no input of the pipeline? The executed notebook: {kept}",
            steps=error.steps,
            notebook=kept,
        )


def _version(workspace: Workspace, name: str) -> Version:
    model, at, number = name.partition("@")
    if not at:
        workspace.model(model)
        serving = champion(workspace.registry, model)
        if serving is None:
            raise UsageError(f"{model} has no version that serves", hint="Make one: mvops apply")
        return serving
    if not (number.isascii() and number.isdigit()):
        raise UsageError(f"{name!r} is no version: write MODEL@NUMBER, such as {model}@1")
    return version_of(workspace, model, int(number))


def _compared(attempt: _Attempt, tolerance: float) -> Reproduction:
    version, workspace = attempt.version, attempt.workspace
    held_out = _held_out(workspace, version)
    first = _again(attempt, 1, held_out)
    if held_out is None:
        held_out = first.rows
    assert held_out is not None
    recipe = attempt.restored.recipe
    registered = Made(
        data=version.data,
        cells=version.code.cells,
        parameters=version.parameters,
        environment=version.environment,
        imports=recipe.packages,
        metrics=version.metrics,
        rows=held_out,
        scores=score(load_version(workspace.store, version, workspace.root), *_split(held_out), recipe.task),
    )
    differences, counted = compare(registered, first, tolerance)
    repeats: bool | None = None
    if numbers_differ(differences) and not any(each.part == "environment" for each in differences):
        second = _again(attempt, 2, held_out)
        repeats = not numbers_differ(compare(first, second, tolerance)[0])
    root = attempt.folder.joinpath(*_DEEP)
    unseeded = _unseeded(version, root)
    verdict, reason = judge(differences, repeats=repeats, unseeded=unseeded)
    return Reproduction(
        model=version.model,
        version=version.number,
        verdict=verdict,
        reason=reason,
        tolerance=tolerance,
        compared=counted,
        differences=differences,
        largest=largest_difference(registered.scores, first.scores),
        data=attempt.restored.data,
        code=attempt.restored.code,
        unseeded=unseeded,
    )


def _unseeded(version: Version, root: Path) -> tuple[str, ...]:
    several = version.code.later
    return tuple(
        f"{notebook}, {each}" if several else each
        for notebook in version.code.notebooks
        for each in unseeded_in(root / notebook)
    )


def _again(attempt: _Attempt, number: int, held_out: pd.DataFrame | None) -> Made:
    result, store = attempt.train(number)
    recipe = attempt.restored.recipe
    outputs = {role: output.artifact for role, output in result.outputs.items()}
    made = handed_over(outputs, store, attempt.version.model, str(result.interpreter or ""))
    settings = Evaluate(task=recipe.task, metrics=recipe.metrics)
    rows = made.features.assign(__target__=np.asarray(made.target))
    return Made(
        data=result.data,
        cells=result.cells,
        parameters=result.parameters,
        environment=made.environment or capture_environment(model_modules(made.estimator)),
        imports=result.packages,
        metrics=evaluate(made.estimator, made.features, made.target, settings).metrics,
        rows=rows,
        scores=score(made.estimator, *_split(rows if held_out is None else held_out), recipe.task),
    )


def _held_out(workspace: Workspace, version: Version) -> pd.DataFrame | None:
    if version.held_out is None:
        return None
    data = workspace.store.read_bytes(version.held_out)
    rows: pd.DataFrame = load_value(data, version.held_out.format, trusted_pickle=False)
    return rows


def _split(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    return rows.drop(columns="__target__"), rows["__target__"]
