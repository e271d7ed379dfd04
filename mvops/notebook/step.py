"""Doing one step: the same code wherever it runs, in this process or a worker's."""

from __future__ import annotations

import json
import secrets
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mvops.atomic import write_atomically
from mvops.contracts.executors import Report
from mvops.errors import NotebookError
from mvops.notebook import handover
from mvops.notebook.cache import Entry
from mvops.notebook.document import Document
from mvops.notebook.engine import Execution, Place, execute
from mvops.notebook.failures import Failure
from mvops.notebook.leases import is_held
from mvops.notebook.site import Site, refuse, thread_settings, unfit
from mvops.notebook.slices import StepSlice
from mvops.notebook.slots import KernelSlots
from mvops.notebook.stepbook import step_notebook, write_request


@dataclass(frozen=True)
class StepJob:
    """All that a step needs to know, as picklable data.

    `values` are those that it loads, as their steps saved them, `files` local copies of some by sha256; `left` is the
    run's time in seconds, of `timeout` in all, and `memory` how many bytes its processes may take.
    """

    part: StepSlice
    document: Document
    injected: Mapping[str, Any]
    site: Site
    values: Mapping[str, Mapping[str, Any]]
    files: Mapping[str, str]
    left: float
    timeout: float
    memory: int | None = None

    def wanted(self) -> bool:
        """Is the run still going on."""
        return is_held(self.site.folder, self.site.mark)


@dataclass(frozen=True)
class StepDone:
    """What became of a step. `notebook` is the executed notebook's sha256; without an entry it failed: `message`."""

    seconds: float
    notebook: str
    cells: int
    entry: Entry | None
    files: Mapping[str, str]  # sha256 -> a local copy of what it saved
    message: str = ""


@dataclass(frozen=True)
class RemoteStep:
    """The work of a step for another process."""

    job: StepJob
    settings: Mapping[str, str | None]

    @classmethod
    def of(cls, job: StepJob) -> RemoteStep:
        """Libraries there compute in as many threads as here."""
        return cls(job, thread_settings())

    def __call__(self, report: Report) -> StepDone:
        """Do it, if this process can."""
        site = self.job.site
        why = unfit(site)
        if why:
            raise refuse("of a step", why, site)
        mark = f"{site.mark}-{secrets.token_hex(4)}"
        place = Place(
            kernel=site.kernel,
            cwd=self.job.document.folder,
            deadline=_until(self.job),
            mark=mark,
            settings=self.settings,
            wanted=self.job.wanted,
            memory=self.job.memory,
        )
        return _do(self.job, report, lambda book, on_cell: execute(book, place, on_cell))


@dataclass(frozen=True)
class HereStep:
    """The work of a step for a thread of the run's own process."""

    job: StepJob
    slots: KernelSlots

    def __call__(self, report: Report) -> StepDone:
        """Do it in a kernel that is warm, or in one that starts by itself where that does not work."""
        with self.slots.take() as slot:
            until = _until(self.job)

            def run(book: dict[str, Any], on_cell: Report) -> Execution:
                place = Place(
                    kernel=self.job.site.kernel,
                    cwd=self.job.document.folder,
                    deadline=until,
                    mark=slot.mark,
                    warm=slot.warm,
                    wanted=self.job.wanted,
                    memory=self.job.memory,
                )
                return execute(book, place, on_cell)

            def run_or_again(book: dict[str, Any], on_cell: Report) -> Execution:
                execution = run(book, on_cell)
                if slot.warm is not None and execution.failure is not None and execution.failure.kind == "start":
                    slot.cool()
                    execution = run(book, on_cell)
                return execution

            return _do(self.job, report, run_or_again)


def _until(job: StepJob) -> float:
    return time.monotonic() + job.left


def _do(job: StepJob, report: Report, run: Any) -> StepDone:
    part, store = job.part, job.site.store
    place = job.site.folder / f"{part.name}-{secrets.token_hex(4)}"  # a worker that was given up may still be at it
    incoming, outgoing = place / "in", place / "out"
    _check(job)
    _bring(job, incoming)
    write_request(part, outgoing)
    book = step_notebook(job.document, part, job.injected, incoming, outgoing)
    report(0, len(book["cells"]))
    execution: Execution = run(book, report)
    _check(job)
    record = place / "executed.ipynb"
    record.write_bytes(execution.as_bytes())
    notebook = store.put_file(record, "ipynb").sha256
    manifest = outgoing / handover.MANIFEST
    if execution.failure is not None or not manifest.exists():
        failure = execution.failure or Failure("exception", "SystemExit", "the notebook ended itself before its end")
        message = explain(part.name, failure, execution.notebook, job.timeout)
        return StepDone(execution.seconds, notebook, len(book["cells"]), None, {}, message)
    saved = json.loads(manifest.read_text(encoding="utf-8"))
    files = _keep(job, saved["values"], outgoing)
    entry = Entry(part.name, saved["values"], tuple(saved["absent"]), notebook, execution.seconds)
    shutil.rmtree(incoming, ignore_errors=True)
    return StepDone(execution.seconds, notebook, len(book["cells"]), entry, files)


def _check(job: StepJob) -> None:
    if not job.wanted():
        raise NotebookError(f"Step {job.part.name!r} was stopped: its run is over.")


def _bring(job: StepJob, folder: Path) -> None:
    """Put the values that the step loads where it finds them."""
    folder.mkdir(parents=True, exist_ok=True)
    values = {}
    for name, value in job.values.items():
        made = f"{job.part.loads[name]} {value.get('object', value['sha256'])}"
        values[name] = {**value, "file": str(_local(job, value["sha256"])), "object": made}
    (folder / handover.MANIFEST).write_text(json.dumps({"values": values, "absent": []}), encoding="utf-8")


def _local(job: StepJob, sha256: str) -> Path:
    path = job.site.folder / "values" / sha256
    known = Path(job.files.get(sha256, path))
    if known.exists():
        return known.resolve()
    write_atomically(path, job.site.store.read_bytes(sha256))
    return path.resolve()


def _keep(job: StepJob, values: Mapping[str, dict[str, Any]], folder: Path) -> dict[str, str]:
    """Put what the step saved into the store."""
    files: dict[str, str] = {}
    for value in values.values():
        file = folder / value.pop("file")
        if value["sha256"] not in job.files and value["sha256"] not in files:
            job.site.store.put_file(file, value["format"])
            files[value["sha256"]] = str(file)
    return files


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
