"""Run one notebook in a kernel of its own, and leave nothing running whatever happens."""

from __future__ import annotations

import json
import queue
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mvops.notebook.failures import Failure, Kind, find_failure, mark_stopped, over_limit
from mvops.notebook.kernels import Kernel
from mvops.notebook.memory import LOOK_EVERY, MemoryWatch
from mvops.notebook.processes import kill_marked, scratch_folder
from mvops.notebook.quick_imports import import_quickly
from mvops.notebook.starting import wish_for
from mvops.notebook.warm import WarmKernels

OnCell = Callable[[int, int], None]
_LOOK_UP = 0.5  # seconds after which it is asked again whether the work is wanted


@dataclass(frozen=True)
class Execution:
    """The record of a run: the executed notebook as nbformat JSON, and what stopped it."""

    notebook: dict[str, Any]
    seconds: float
    failure: Failure | None

    def as_bytes(self) -> bytes:
        """The executed notebook as a file's content."""
        return (json.dumps(self.notebook, indent=1, ensure_ascii=True, sort_keys=True) + "\n").encode()


@dataclass(frozen=True)
class Place:
    """Where and how a notebook runs: until `deadline` on the monotonic clock, in a kernel whose processes carry `mark`.

    With `warm` the kernel is a fork of that process. `settings` are environment variables that it has (None: has not).
    When `wanted` says no, the notebook is stopped as if its time were over. `memory` is how many bytes its processes
    may take together; None: any.
    """

    kernel: Kernel
    cwd: Path
    deadline: float
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)
    warm: WarmKernels | None = None
    settings: Mapping[str, str | None] = field(default_factory=dict)
    wanted: Callable[[], bool] = lambda: True
    memory: int | None = None

    def kept(self) -> Collection[int]:
        """The processes that carry the mark and are not this notebook's."""
        return self.warm.kept if self.warm else ()

    def kill(self, group: int | None) -> None:
        """Kill the kernel and all that it started."""
        if self.warm is not None:
            self.warm.give_up()
        kill_marked(self.mark, group, spare=self.kept())


def execute(notebook: dict[str, Any], place: Place, on_cell: OnCell | None = None) -> Execution:
    """Run all cells of `notebook` (nbformat 4.5 as a dict).

    `on_cell` is called in this thread with the number of cells done and their count. Every process of the kernel is
    gone when this returns or raises.
    """
    if place.warm is not None:
        place.warm.foresee(wish_for(place.kernel, place.cwd, place.mark, place.settings))
    kernel_client = import_quickly("mvops.notebook.kernel_client")  # half a second, needed only to run
    started = time.monotonic()
    scratch = scratch_folder(place.mark)
    events: queue.Queue[int | None] = queue.Queue()
    session = kernel_client.Session(
        kernel=place.kernel,
        cwd=place.cwd,
        scratch=scratch,
        mark=place.mark,
        on_cell=events.put,
        warm=place.warm,
        settings=place.settings,
    )
    found: list[BaseException | None] = []

    def work() -> None:
        try:
            found.append(kernel_client.run(notebook, session))
        finally:
            events.put(None)

    thread = threading.Thread(target=work, name="mvops-kernel", daemon=True)
    try:
        thread.start()
        stopped = _follow(events, place, lambda done: on_cell and on_cell(done, len(notebook["cells"])))
        if stopped is not None:
            place.kill(session.group)
        thread.join(10)
        problem = found[0] if found else RuntimeError("the kernel's client did not end")
        record: dict[str, Any] = json.loads(json.dumps(session.notebook))
        record["cells"] = [cell for cell in record["cells"] if not _is_marker(cell)]
        failure = find_failure(record)
        if stopped is not None:
            failure = mark_stopped(record, session.current, *stopped)
        elif problem is not None:
            failure = mark_stopped(record, session.current, *kernel_client.explain(problem, session))
        return Execution(record, time.monotonic() - started, failure)
    finally:
        place.kill(session.group)
        thread.join(10)
        shutil.rmtree(scratch, ignore_errors=True)


def _follow(events: queue.Queue[int | None], place: Place, report: Callable[[int], object]) -> tuple[Kind, str] | None:
    """Pass on progress until the work ends; says why if it is to be stopped before, or nobody wants it any more."""
    watch = MemoryWatch(place.mark, place.memory, spare=place.kept)
    look_up = _LOOK_UP if place.memory is None else LOOK_EVERY
    while True:
        taken = watch.exceeded()
        if taken is not None and place.memory is not None:
            return "memory", over_limit(taken, place.memory)
        left = place.deadline - time.monotonic()
        try:
            index = events.get(timeout=min(max(0.0, left), look_up))
        except queue.Empty:
            if left > look_up and place.wanted():
                continue
            return "timeout", "the time limit was reached"
        if index is None:
            return None
        report(index + 1)


def _is_marker(cell: dict[str, Any]) -> bool:
    """Papermill puts cells of its own before a cell that failed; with them the places of all others would shift."""
    return "papermill-error-cell-tag" in cell["metadata"].get("tags", [])
