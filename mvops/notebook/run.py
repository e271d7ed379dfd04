"""Run a promoted notebook: each step in a kernel of its own once those that it needs are done, or from the cache."""

from __future__ import annotations

import queue
import shutil
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

from mvops.contracts.executors import Hands, Opening
from mvops.core.run import StepRun
from mvops.core.version import Artifact
from mvops.errors import BackendError, MvopsError, NotebookError, Where
from mvops.notebook.cache import Entry, StepCache
from mvops.notebook.keys import Prepared, prepare
from mvops.notebook.leases import hold, release, sweep
from mvops.notebook.left_files import LeftFiles
from mvops.notebook.order import next_step, waits
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
from mvops.notebook.site import Site, refuse, site_of, unfit
from mvops.notebook.slices import StepSlice
from mvops.notebook.slots import KernelSlots, kernel_slots
from mvops.notebook.sources import keep_sources
from mvops.notebook.standing import chosen_steps, standing
from mvops.notebook.step import HereStep, RemoteStep, StepDone, StepJob
from mvops.notebook.threads import threads
from mvops.notebook.unchanged import Unchanged

OnProgress = Callable[[StepProgress], None]
_GRACE = 60.0  # seconds beyond the time limit, which steps keep themselves, before they are given up


def run_pipeline(
    job: PipelineJob,
    *,
    store: Store,
    cache_dir: Path,
    work_dir: Path,
    on_progress: OnProgress | None = None,
    hands: Opening = threads,
) -> PipelineResult:
    """Run all steps of the job (or one), and return what they made; everything made is in `store`.

    `hands` opens what the steps run in, if there is a step to run: without it, they run one after the other in this
    process. When a step fails, those that run are waited for, and no other is begun.

    Raises DataError (an input is missing, before anything starts, or was changed while a step read it), NotebookError
    (the notebook or a parameter is wrong), BackendError (the executor cannot be reached, or is gone) or
    StepFailedError. When this returns or raises, no process of a kernel is left, and no file in `work_dir` but the
    executed notebook of a step that failed.
    """
    started = time.monotonic()
    prepared = prepare(job, cache_dir)
    sweep(work_dir)
    mark = uuid.uuid4().hex
    folder = work_dir.absolute() / f"run-{mark}"
    deadline = started + job.timeout
    sources = keep_sources(prepared.sources, job.root, store)
    inputs = Unchanged(job, cache_dir)
    run = _Run(job, prepared, inputs, store, StepCache(cache_dir), folder, mark, deadline, on_progress or _say_nothing)
    try:
        hold(folder, mark)
        run.steps(hands)
    finally:
        run.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return PipelineResult(
        steps=run.in_order(),
        outputs=run.outputs(),
        parameters=prepared.parameters,
        data=prepared.data,
        cells={step: key.digest for step, key in prepared.keys.items()},
        sources=sources,
        python=prepared.python,
        packages=prepared.packages,
        seconds=time.monotonic() - started,
        interpreter=prepared.kernel.interpreter,
    )


def _say_nothing(_: StepProgress) -> None:
    pass


_Event = tuple[StepSlice, tuple[int, int] | Future[StepDone]]


@dataclass
class _Run:
    job: PipelineJob
    prepared: Prepared
    inputs: Unchanged
    store: Store
    cache: StepCache
    folder: Path
    mark: str
    deadline: float
    on_progress: OnProgress
    entries: dict[str, Entry] = field(default_factory=dict)
    records: list[StepRun] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)  # sha256 -> a local copy
    running: set[str] = field(default_factory=set)
    events: queue.SimpleQueue[_Event] = field(default_factory=queue.SimpleQueue)
    failure: MvopsError | None = None
    slots: KernelSlots | None = None
    left: LeftFiles | None = None
    stopped: bool = False

    def steps(self, hands: Opening) -> None:
        """Do every step of the job, each when those that it waits for are done."""
        parts, self.entries = chosen_steps(self.job, self.prepared, self.cache, self.store)
        chosen = {part.name: part for part in parts}
        entries = standing(self.job, self.prepared, self.cache, self.store)
        known = {name: entry for name in chosen if (entry := entries[name]) is not None}
        if len(known) == len(chosen):
            for name, part in chosen.items():
                self._take(part, known[name])
            return
        self.inputs.note()
        self.left = LeftFiles(self.job.root) if self.job.later else None
        with hands() as opened:
            try:
                self._check(opened)
                self._go(opened, chosen, known)
            finally:
                self.stop()  # what still runs ends, so that the executor need not wait for it
        if self.failure is not None:
            if isinstance(self.failure, StepFailedError):
                self.failure.steps = self.in_order()
            raise self.failure

    def stop(self) -> None:
        """End what is running, wherever it is."""
        if self.stopped:
            return
        release(self.folder)
        if self.slots is not None:
            self.slots.close()
        kill_marked(self.mark)
        self.stopped = not self.running  # else a worker may just have begun

    def in_order(self) -> tuple[StepRun, ...]:
        """The records of the steps that have ended, in the notebook's order."""
        names = list(self.prepared.keys)
        return tuple(sorted(self.records, key=lambda record: names.index(record.step)))

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

    @cached_property
    def _site(self) -> Site:
        return site_of(self.prepared, self.job.root, self.folder, self.mark, self.store)

    def _check(self, hands: Hands) -> None:
        site = self._site
        for worker, why in sorted(hands.everywhere(partial(unfit, site)).items()):
            if why:
                raise refuse(worker, why, site)

    def _go(self, hands: Hands, chosen: Mapping[str, StepSlice], known: Mapping[str, Entry]) -> None:
        after = {name: first & chosen.keys() for name, first in waits(self.prepared.slices).items() if name in chosen}
        self.slots = kernel_slots(self.prepared, self.mark, len(chosen) - len(known), hands.at_once)
        begun: set[str] = set()
        while True:
            while self.failure is None and (name := next_step(after, self.entries, begun)) is not None:
                if name in known:
                    self._take(chosen[name], known[name])
                elif hands.at_once is None or len(self.running) < hands.at_once:
                    self._begin(hands, chosen[name])
                else:
                    break
                begun.add(name)
            if not self.running:
                return
            self._heed()

    def _take(self, part: StepSlice, entry: Entry) -> None:
        self.entries[part.name] = entry
        key = self.prepared.keys[part.name].key
        record = StepRun(step=part.name, key=key, status="cached", seconds=0.0, notebook=entry.notebook)
        self._tell(part, "cached", record=record)

    def _begin(self, hands: Hands, part: StepSlice) -> None:
        assert self.slots is not None
        # What an earlier step did not make after all is left out; the code that reads it will say so.
        saved = {name: self.entries[step].values.get(name) for name, step in part.loads.items()}
        job = StepJob(
            part=part,
            document=self.prepared.documents[part.book],
            injected=self.prepared.injected[part.name],
            site=self._site,
            values={name: value for name, value in saved.items() if value is not None},
            files=dict(self.files),
            left=max(0.0, self.deadline - time.monotonic()),
            timeout=self.job.timeout,
            memory=self.job.memory,
        )
        work = RemoteStep.of(job) if hands.remote else HereStep(job, self.slots)
        self.running.add(part.name)
        if self.left is not None:
            self.left.began(part.name)
        future = hands.submit(work, lambda done, cells: self.events.put((part, (done, cells))))
        future.add_done_callback(lambda ended: self.events.put((part, ended)))

    def _heed(self) -> None:
        """Wait for something to happen to a step."""
        try:
            part, event = self.events.get(timeout=max(0.0, self.deadline + _GRACE - time.monotonic()))
        except queue.Empty:
            names = ", ".join(sorted(self.running))
            raise NotebookError(f"The pipeline did not end within {self.job.timeout:g} seconds: {names}.") from None
        if not isinstance(event, Future):
            done, cells = event
            if part.name in self.running:
                self._tell(part, "running" if done else "started", cells_done=done, cells=cells)
            return
        self.running.remove(part.name)
        try:
            self._ended(part, event.result())
        except (MvopsError, CancelledError) as error:
            lost = BackendError(f"Step {part.name!r} was cancelled.", hint="Run the same command again.")
            self.failure = self.failure or (error if isinstance(error, MvopsError) else lost)

    def _ended(self, part: StepSlice, done: StepDone) -> None:
        key = self.prepared.keys[part.name].key
        files = self.left.ended(part.name) if self.left is not None else {}
        record = StepRun(step=part.name, key=key, status="succeeded", seconds=done.seconds, notebook=done.notebook)
        if not self.store.has(done.notebook):
            raise BackendError(
                f"What step {part.name!r} made is not in the artefact store: its worker has another one.",
                hint="`artifacts` in configs/project.yaml must be one place for this machine and all workers.",
            )
        if done.entry is None:
            failed = self._failed(part, record, done)
            self.failure = self.failure or failed
            return
        self.inputs.check(self.prepared.keys[part.name].inputs)
        self.entries[part.name] = replace(done.entry, files=files)
        self.files.update(done.files)
        self.cache.put(key, self.entries[part.name])
        self._tell(part, "succeeded", cells_done=done.cells, cells=done.cells, record=record)

    def _failed(self, part: StepSlice, record: StepRun, done: StepDone) -> StepFailedError:
        notebook = self.job.notebooks[part.book]
        kept = self.folder.parent / f"{notebook.stem}-{part.name}-failed.ipynb"
        kept.write_bytes(self.store.read_bytes(done.notebook))
        failed = record.model_copy(update={"status": "failed", "error": done.message})
        self._tell(part, "failed", record=failed)
        return StepFailedError(
            done.message,
            hint=f"The executed notebook, with the whole traceback: {kept}",
            where=Where(notebook),
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
