"""Run a promoted notebook: step by step, each in a kernel of its own, what is already known from the cache."""

from __future__ import annotations

import json
import shutil
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mvops.core.run import StepRun
from mvops.core.version import Artifact
from mvops.errors import NotebookError, Where
from mvops.notebook import handover
from mvops.notebook.cache import Entry, StepCache
from mvops.notebook.engine import Execution, Place, execute
from mvops.notebook.failures import Failure
from mvops.notebook.keys import Prepared, prepare
from mvops.notebook.leases import hold, sweep
from mvops.notebook.processes import kill_marked
from mvops.notebook.results import (
    Output,
    PipelineJob,
    PipelineResult,
    StepFailedError,
    StepProgress,
    StepStatus,
    Store,
)
from mvops.notebook.slices import StepSlice
from mvops.notebook.sources import keep_sources
from mvops.notebook.stepbook import step_notebook, write_request
from mvops.notebook.warm import WarmKernels, warm_kernels

OnProgress = Callable[[StepProgress], None]


def run_pipeline(
    job: PipelineJob, *, store: Store, cache_dir: Path, work_dir: Path, on_progress: OnProgress | None = None
) -> PipelineResult:
    """Run all steps of the job (or one), and return what they made; everything made is in `store`.

    Raises DataError (an input is missing, before anything starts), NotebookError (the notebook or a parameter is
    wrong) or StepFailedError. When this returns or raises, no process of a kernel is left, and no file in `work_dir`
    but the executed notebook of a step that failed.
    """
    started = time.monotonic()
    prepared = prepare(job, cache_dir)
    sweep(work_dir)
    mark = uuid.uuid4().hex
    folder = work_dir / f"run-{mark}"
    deadline = started + job.timeout
    sources = keep_sources(prepared.sources, job.root, store)
    run = _Run(job, prepared, store, StepCache(cache_dir), folder, mark, deadline, on_progress or _say_nothing)
    try:
        hold(folder, mark)
        run.steps()
    finally:
        run.close()
    return PipelineResult(
        steps=tuple(run.records),
        outputs=run.outputs(),
        parameters=prepared.parameters,
        data=prepared.data,
        cells={step: key.digest for step, key in prepared.keys.items()},
        sources=sources,
        python=prepared.python,
        packages=prepared.packages,
        seconds=time.monotonic() - started,
    )


def _say_nothing(_: StepProgress) -> None:
    pass


@dataclass
class _Run:
    job: PipelineJob
    prepared: Prepared
    store: Store
    cache: StepCache
    folder: Path
    mark: str
    deadline: float
    on_progress: OnProgress
    entries: dict[str, Entry] = field(default_factory=dict)
    records: list[StepRun] = field(default_factory=list)
    files: dict[str, Path] = field(default_factory=dict)  # sha256 -> a local copy
    warm: WarmKernels | None = None

    def steps(self) -> None:
        """Do every step of the job in order."""
        steps = [(part, self._known(part)) for part in self._chosen()]
        if sum(known is None for _, known in steps) > 1:
            document = self.prepared.document
            sources = [cell.source for cell in document.code]
            modules = self.prepared.modules
            self.warm = warm_kernels(self.prepared.kernel, sources, modules, mark=self.mark, folder=document.folder)
        for part, known in steps:
            key = self.prepared.keys[part.name].key
            if known is not None:
                self.entries[part.name] = known
                self._tell(
                    part,
                    "cached",
                    record=StepRun(step=part.name, key=key, status="cached", seconds=0.0, notebook=known.notebook),
                )
            else:
                self._do(part, key)

    def close(self) -> None:
        """End what is running and remove the run's folder."""
        self._end_warm()
        kill_marked(self.mark)
        shutil.rmtree(self.folder, ignore_errors=True)

    def outputs(self) -> dict[str, Output]:
        """The requested outputs of the steps that were done, by role."""
        found = {}
        for role, name in self.job.outputs.items():
            for part in self.prepared.slices:
                if name in part.outputs and part.name in self.entries:
                    value = self.entries[part.name].values[name]
                    artifact = Artifact(sha256=value["sha256"], format=value["format"], size=value["size"])
                    found[role] = Output(name, part.name, value["type"], artifact)
        return found

    def _known(self, part: StepSlice) -> Entry | None:
        if not self.job.use_cache:
            return None
        return self.cache.usable(self.prepared.keys[part.name].key, part.saves | part.outputs, self.store)

    def _chosen(self) -> tuple[StepSlice, ...]:
        slices = self.prepared.slices
        wanted = self.job.only_step
        if wanted is None:
            return slices
        if wanted not in self.prepared.keys:
            names = ", ".join(self.prepared.keys)
            raise NotebookError(
                f"The notebook has no step {wanted!r}.", hint=f"Its steps are: {names}.", where=Where(self.job.notebook)
            )
        part = next(each for each in slices if each.name == wanted)
        for step in self.prepared.keys[wanted].upstream:
            needed = {name for name, source in part.loads.items() if source == step}
            entry = self.cache.usable(self.prepared.keys[step].key, needed, self.store)
            if entry is None:
                raise NotebookError(
                    f"Step {wanted!r} needs what step {step!r} makes, and that is not in the cache.",
                    hint=f"Run {step!r} first (--step {step}), or run the whole pipeline.",
                )
            self.entries[step] = entry
        return (part,)

    def _do(self, part: StepSlice, key: str) -> None:
        place = self.folder / part.name
        incoming, outgoing = place / "in", place / "out"
        self._bring(part, incoming)
        write_request(part, outgoing)
        book = step_notebook(self.prepared.document, part, self.prepared.injected, incoming, outgoing)
        self._tell(part, "started", cells=len(book["cells"]))
        execution = self._execute(part, book)
        if self.warm is not None and execution.failure is not None and execution.failure.kind == "start":
            self._end_warm()
            execution = self._execute(part, book)
        notebook = self._keep(place / "executed.ipynb", execution)
        record = StepRun(step=part.name, key=key, status="succeeded", seconds=execution.seconds, notebook=notebook)
        manifest = outgoing / handover.MANIFEST
        if execution.failure is not None or not manifest.exists():
            raise self._failed(part, record, execution)
        self.entries[part.name] = self._collect(part, outgoing, record)
        self.cache.put(key, self.entries[part.name])
        self._tell(part, "succeeded", cells_done=len(book["cells"]), cells=len(book["cells"]), record=record)
        shutil.rmtree(incoming, ignore_errors=True)

    def _execute(self, part: StepSlice, book: dict[str, Any]) -> Execution:
        place = Place(self.prepared.kernel, self.prepared.document.folder, self.deadline, self.mark, self.warm)
        return execute(book, place, lambda done, total: self._tell(part, "running", cells_done=done, cells=total))

    def _end_warm(self) -> None:
        if self.warm is not None:
            self.warm.close()
            self.warm = None

    def _bring(self, part: StepSlice, folder: Path) -> None:
        """Put the values that the step loads where it finds them."""
        folder.mkdir(parents=True, exist_ok=True)
        values: dict[str, Any] = {}
        for name, step in part.loads.items():
            entry = self.entries[step]
            if name not in entry.values:
                continue  # the earlier step did not make it after all; the code that reads it will say so
            value = entry.values[name]
            values[name] = {**value, "file": str(self._local(value["sha256"]))}
        (folder / handover.MANIFEST).write_text(json.dumps({"values": values, "absent": []}), encoding="utf-8")

    def _local(self, sha256: str) -> Path:
        if sha256 not in self.files:
            path = self.folder / "values" / sha256
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.store.read_bytes(sha256))
            self.files[sha256] = path
        return self.files[sha256].resolve()

    def _keep(self, path: Path, execution: Execution) -> str:
        path.write_bytes(execution.as_bytes())
        return self.store.put_file(path, "ipynb").sha256

    def _collect(self, part: StepSlice, folder: Path, record: StepRun) -> Entry:
        """Put what the step saved into the store."""
        manifest = json.loads((folder / handover.MANIFEST).read_text(encoding="utf-8"))
        for value in manifest["values"].values():
            file = folder / value.pop("file")
            if value["sha256"] not in self.files:
                self.store.put_file(file, value["format"])
                self.files[value["sha256"]] = file
        assert record.notebook is not None
        return Entry(part.name, manifest["values"], tuple(manifest["absent"]), record.notebook, record.seconds)

    def _failed(self, part: StepSlice, record: StepRun, execution: Execution) -> StepFailedError:
        failure = execution.failure or Failure("exception", "SystemExit", "the notebook ended itself before its end")
        kept = self.folder.parent / f"{self.job.notebook.stem}-{part.name}-failed.ipynb"
        kept.write_bytes(execution.as_bytes())
        message = explain(part.name, failure, execution.notebook, self.job.timeout)
        failed = record.model_copy(update={"status": "failed", "error": message})
        self._tell(part, "failed", record=failed)
        return StepFailedError(
            message,
            hint=f"The executed notebook, with the whole traceback: {kept}",
            where=Where(self.job.notebook),
            steps=tuple(self.records),
            notebook=kept,
        )

    def _tell(
        self, part: StepSlice, status: StepStatus, *, cells_done: int = 0, cells: int = 0, record: StepRun | None = None
    ) -> None:
        if record is not None:
            self.records.append(record)
        index = list(self.prepared.keys).index(part.name)
        progress = StepProgress(part.name, index, len(self.prepared.slices), status, cells_done, cells)
        seconds = record.seconds if record else 0.0
        self.on_progress(replace(progress, seconds=seconds, record=record))


def explain(step: str, failure: Failure, record: dict[str, Any], timeout: float) -> str:
    """One or two lines for people: the step, the cell's number in the promoted notebook, the line, what happened."""
    cell = record["cells"][failure.cell] if failure.cell is not None else None
    number = cell["metadata"].get("mvops", {}).get("cell") if cell else None
    place = f"Step {step!r} failed" + (f" in cell {number}" if number else "")
    if failure.kind == "timeout":
        return f"{place}: it did not end within {timeout:g} seconds."
    if failure.name == "HandoverError":
        return f"Step {step!r} failed: {failure.message}."
    if failure.kind != "exception":
        return f"{place}: {failure.message}."
    line = f", at `{failure.line}`" if failure.line else ""
    return f"{place}{line}: {failure.name}: {failure.message}"
