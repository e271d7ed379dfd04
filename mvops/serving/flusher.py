"""Moves the spool's segments into the prediction log, in batches.

A segment is removed only after the commit that holds its last record. After a crash some records are offered to the
log a second time; it knows their ids. While the log cannot be reached the spool grows, and we try again.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from mvops.core.prediction import Outcome, Prediction
from mvops.errors import MvopsError
from mvops.serving.records import read_record
from mvops.serving.segments import MAGIC, frames
from mvops.serving.spool import Segment, Spool

_INTERVAL = 0.2  # seconds between looks at the spool
_BATCH = 2000  # records of predictions or outcomes in one transaction, about
_PATIENCE = 3.0  # seconds at most between attempts to reach the log


class Log(Protocol):
    """The part of `registry.predictions.PredictionLog` that is used here. Both are idempotent by id."""

    def append(self, predictions: list[Prediction]) -> Any:
        """Add predictions in one transaction."""
        ...

    def append_outcomes(self, outcomes: list[Outcome]) -> Any:
        """Add outcomes in one transaction."""
        ...

    def rename(self, model: str, name: str) -> Any:
        """Give a model's predictions another model's name."""
        ...


class Flusher:
    """A thread that empties a spool. `open_log` is called when the log is first needed, and again after a failure.

    All predictions of a spool are one model's; `model` says what it is called now.
    """

    def __init__(self, spool: Spool, open_log: Callable[[], Log], model: Callable[[], str]) -> None:
        self._spool = spool
        self._model = model
        self._open_log = open_log
        self._log: Log | None = None
        self._stop = threading.Event()
        self._deadline = 0.0  # monotonic; of the last flush
        self._thread = threading.Thread(target=self._run, name="flusher", daemon=True)
        self._empty_at = time.monotonic()
        self.trouble: str | None = None
        self.unreadable = 0  # records that were whole, but said nothing that we know

    @property
    def lag(self) -> float:
        """For how many seconds there has been something that is not in the log yet."""
        return time.monotonic() - self._empty_at if self._spool.backlog else 0.0

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout: float) -> bool:
        """Flush what is left, for at most `timeout` seconds, and end; whether the spool is empty."""
        self._deadline = time.monotonic() + timeout
        self._stop.set()
        self._thread.join(timeout + 1)
        return self._spool.backlog == 0

    def _run(self) -> None:
        pause = _INTERVAL
        while True:
            stopping = self._stop.wait(0 if self._stop.is_set() and not self.trouble else pause)
            self._flush()
            pause = min(max(pause, _INTERVAL) * 2, _PATIENCE) if self.trouble else _INTERVAL
            if stopping:
                if self._spool.backlog == 0 or time.monotonic() > self._deadline:
                    break
                time.sleep(0.05)
        self._close()

    def _flush(self) -> None:
        try:
            for segment in self._spool.segments():
                self._move(segment)
            self.trouble = None
        except Exception as error:  # noqa: BLE001 -- whatever the database's driver raises; we try again
            # Anybody may read it, and the text of an error of a server's names host and user: only a file's is told.
            told = isinstance(error, MvopsError) and error.where is not None and error.message
            self.trouble = told or type(error).__name__
            self._close()
        if self._spool.backlog == 0:
            self._empty_at = time.monotonic()

    def _move(self, segment: Segment) -> None:
        """Move what is durable of a segment and not in the log yet, one transaction at a time."""
        start, durable = segment.flushed, segment.durable
        if start < durable:
            data = _read(segment.path, start, durable)
            predictions: list[Prediction] = []
            outcomes: list[Outcome] = []
            for frame in frames(data, 0 if start else len(MAGIC)):
                self._collect(segment, frame.payload, predictions, outcomes)
                if len(predictions) + len(outcomes) >= _BATCH:
                    self._store(predictions, outcomes)
                    self._spool.flushed(segment, start + frame.end)
                    if self._stop.is_set() and time.monotonic() > self._deadline:
                        return
            self._store(predictions, outcomes)
        self._spool.flushed(segment, durable)

    def _collect(
        self, segment: Segment, payload: bytes, predictions: list[Prediction], outcomes: list[Outcome]
    ) -> None:
        try:
            some, others = read_record(payload)
        except (ValueError, KeyError, TypeError):
            self.unreadable += 1
            segment.damages += 1  # so that the file is kept
            return
        predictions += some
        outcomes += others

    def _store(self, predictions: list[Prediction], outcomes: list[Outcome]) -> None:
        """Commit both lists and empty them."""
        if self._log is None:
            self._log = self._open_log()
        if predictions:
            name = self._model()
            self._log.append([p if p.model == name else p.model_copy(update={"model": name}) for p in predictions])
            if (now := self._model()) != name:  # renamed in this very moment
                self._log.rename(name, now)
        if outcomes:
            self._log.append_outcomes(outcomes)
        predictions.clear()
        outcomes.clear()

    def _close(self) -> None:
        close = getattr(self._log, "close", None)
        self._log = None
        if close is not None:
            with contextlib.suppress(Exception):
                close()


def _read(path: Path, start: int, end: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(end - start)
