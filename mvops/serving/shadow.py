"""Has a challenger answer what the champion has answered, off the caller's path: nobody waits for it.

What was answered is put into a queue of few requests, without waiting; when that is full, it is dropped and counted. A
thread has the model's own process answer it, which gives way to all others, compares, and logs it under the arm
`shadow`. Whatever becomes of that process, and however slow it is, callers notice nothing.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import random
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mvops.core.prediction import SHADOW, shadow_id
from mvops.core.route import Route
from mvops.core.version import Version
from mvops.errors import MvopsError
from mvops.serving.answers import Answers
from mvops.serving.batching import Predict
from mvops.serving.lookups import FeatureLookup
from mvops.serving.model_process import ModelProcess
from mvops.serving.records import Answered
from mvops.serving.redaction import Redaction
from mvops.serving.rows import RowReader
from mvops.serving.served import estimator_of
from mvops.serving.settings import ServiceSettings
from mvops.serving.shadow_counts import ShadowTally
from mvops.serving.spool import Spool, SpoolError
from mvops.serving.spread import Bins

_MOST = 128  # requests that wait
_MOST_ROWS = 4096  # in the requests that wait
_ROOM = 0.5  # of the spool, which callers need, may be used before the shadow's answers are dropped
_PATIENCE = 5.0  # seconds until a version that could not be loaded is tried again
_LONGEST = 30.0  # seconds for a lookup, or for a record
_log = logging.getLogger("mvops.serving")


@dataclass(frozen=True, slots=True)
class Given:
    """A request that was answered: what was asked, what was said, and how long what comes before the model took."""

    tally: ShadowTally
    rows: Sequence[dict[str, Any]]
    ids: Sequence[str]
    times: Sequence[datetime]
    answers: Answers
    before: float  # seconds
    bins: Bins


@dataclass(frozen=True)
class _Loaded:
    version: Version
    reader: RowReader
    ask: Predict
    lookup: FeatureLookup | None

    def end(self) -> None:
        if isinstance(self.ask, ModelProcess):
            self.ask.close()


class Shadow:
    """One for an endpoint. `offer` is for the event loop; the rest happens in a thread that `start` begins."""

    def __init__(
        self,
        settings: ServiceSettings,
        version: Callable[[int], Version],
        lookup: Callable[[Version], FeatureLookup | None],
    ) -> None:
        self._settings = settings
        self._redaction = Redaction(settings.log, settings.root)
        self._version = version
        self._lookup = lookup
        self._queue: queue.Queue[Given | None] = queue.Queue(_MOST)
        self._rows = 0  # that wait, roughly
        self._loaded: _Loaded | None = None
        self._wanted: int | None = None
        self._tally: ShadowTally | None = None
        self._retry_at = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._spool: Spool | None = None

    def start(self, spool: Spool) -> None:
        """Begin to wait for requests."""
        self._spool = spool
        self._thread = threading.Thread(target=self._work, name="shadow", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Answer nothing more; what waits is left."""
        self._stopping.set()
        loaded = self._loaded
        if loaded is not None:
            loaded.end()

    def follow(self, route: Route, tally: ShadowTally | None) -> None:
        """Have the version of this route ready, or none; called every moment."""
        wanted = route.shadow.version if route.shadow else None
        if wanted != self._wanted:
            self._wanted, self._retry_at = wanted, 0.0
        self._tally = tally
        if wanted is not None or self._loaded is not None:
            self._wake()

    def offer(self, route: Route, given: Given) -> None:
        """Take a request that was answered, if it is one of the share that is asked too. Never waits."""
        asked = route.shadow
        if asked is None or (asked.weight < 100 and random.random() * 100 >= asked.weight):  # noqa: S311
            return
        self._loop = asyncio.get_running_loop()
        if self._rows and self._rows + len(given.rows) > _MOST_ROWS:
            given.tally.dropped()
            return
        try:
            self._queue.put_nowait(given)
        except queue.Full:
            given.tally.dropped()
        else:
            self._rows += len(given.rows)

    def _wake(self) -> None:
        if self._queue.empty():
            try:
                self._queue.put_nowait(None)
            except queue.Full:
                return

    def _work(self) -> None:
        while True:
            given = self._queue.get()
            if given is not None:
                self._rows -= len(given.rows)
            if self._stopping.is_set():
                return
            try:
                self._load()
                if given is not None and given.tally.version == self._wanted:
                    self._answer(given)
            except Exception:  # noqa: BLE001 -- whatever it is, the next request is another
                _log.exception("the shadow failed")

    def _load(self) -> None:
        """Have the version loaded that is wanted, and no other."""
        wanted = self._wanted
        if self._loaded is not None and self._loaded.version.number != wanted:
            self._loaded.end()
            self._loaded = None
        tally = self._tally
        if wanted is None or self._loaded is not None or time.monotonic() < self._retry_at:
            return
        try:
            version = self._version(wanted)
            lookup = self._lookup(version)
            ask = estimator_of(version, self._settings.model_copy(update={"isolate": True}), kinder=True)
        except (MvopsError, OSError) as error:
            self._retry_at = time.monotonic() + _PATIENCE
            _log.warning("version %s cannot answer in the shadow: %s", wanted, error)
            if tally is not None:
                tally.trouble = "The endpoint cannot load it: see its log."
            return
        if tally is not None:
            tally.trouble = None
        reader = RowReader(version.signature.columns, self._settings.max_rows)
        self._loaded = _Loaded(version, reader, ask, lookup)

    def _answer(self, given: Given) -> None:
        loaded, began = self._loaded, time.perf_counter()
        if loaded is None:
            given.tally.dropped()
            return
        try:
            model_rows, rows = self._filled(loaded, given)
            answers = loaded.ask(loaded.reader.read(model_rows))
            if answers.bad:
                raise ValueError(f"the model gave no finite number for row {min(answers.bad)}")  # noqa: TRY301
        except Exception as error:  # noqa: BLE001 -- a model may raise anything
            given.tally.failed()
            _log.info("version %s failed in the shadow: %s", loaded.version.number, error)
            return
        milliseconds = (given.before + time.perf_counter() - began) * 1000
        signature = loaded.version.signature
        record = Answered(
            [shadow_id(name) for name in given.ids],
            given.times,
            self._settings.model,
            loaded.version.number,
            SHADOW,
            self._redaction(rows),
            answers,
            round(milliseconds, 3),
        ).record()
        spool = self._spool
        if spool is None or spool.backlog > _ROOM * self._settings.max_spool:
            given.tally.dropped()
            return
        try:
            self._in_loop(spool.append(record))
        except (SpoolError, TimeoutError):
            given.tally.dropped()
            return
        given.tally.spread.add(given.bins.shares(answers))
        given.tally.answered(answers, given.answers, milliseconds, classes=signature.classes)

    def _filled(self, loaded: _Loaded, given: Given) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        rows = list(given.rows)
        if loaded.lookup is None:
            return rows, rows
        filled: tuple[list[dict[str, Any]], list[dict[str, Any]]] = self._in_loop(loaded.lookup.fill(rows, given.times))
        return filled

    def _in_loop(self, asked: Coroutine[Any, Any, Any]) -> Any:
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(asked, self._loop).result(_LONGEST)
