"""An endpoint without HTTP: what happens between a request's body and its answer.

decode -> route -> validate -> batch -> predict -> append to the spool -> answer
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import orjson

from mvops.contracts.feature_stores import FeatureStore
from mvops.core.prediction import LOAD_TEST
from mvops.core.version import Version
from mvops.serving.announced import place_of
from mvops.serving.answers import Answers
from mvops.serving.asked import Asked
from mvops.serving.batching import GivenUpError, ModelError
from mvops.serving.counts import ArmTally, RolloutCounts, Tally
from mvops.serving.decoding import decode
from mvops.serving.flusher import Flusher, Log
from mvops.serving.journal import failure
from mvops.serving.metrics import Metrics
from mvops.serving.model_process import ModelDownError
from mvops.serving.neighbours import of_others, publish
from mvops.serving.partial import Readable, readable
from mvops.serving.problems import Problem
from mvops.serving.readiness import readiness
from mvops.serving.records import Answered, Skipped, new_ids, outcomes_record
from mvops.serving.redaction import Redaction
from mvops.serving.repeated import Made, Repeated
from mvops.serving.requests import envelope, event_times, read_outcomes
from mvops.serving.router import Router
from mvops.serving.served import Served, load_served, lookup_of
from mvops.serving.settings import ServiceSettings
from mvops.serving.shadow import Given, Shadow
from mvops.serving.shadow_metrics import ShadowMetrics
from mvops.serving.spool import Spool, SpoolError
from mvops.serving.unseen import unseen

_LARGE = 128 << 10  # bytes of a body above which it is decoded off the event loop
_RETRY_AFTER = 1  # seconds
_SWITCH = 0.0005  # seconds; ten times shorter than Python's default
_log = logging.getLogger("mvops.serving")


class Runtime:
    """Owns the threads and the files of an endpoint. `start` and `stop` may be called from any thread, once each."""

    def __init__(self, settings: ServiceSettings, features: FeatureStore | None = None) -> None:
        self.settings = settings
        self._features = features
        self._redaction = Redaction(settings.log, settings.root)
        self.metrics = Metrics()
        self.tally = Tally()
        self.draining = False
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="model")
        self._lock = threading.Lock()
        self._started = False
        self._published: dict[str, Any] = {}
        self._skips = settings.bad_rows == "skip"
        self._working = 0  # requests to /predict in work
        self.router = Router(settings.state_folder, lambda: settings.called, self._load, self.metrics.load_failed)
        self.shadow = Shadow(settings, self.router.version, lambda version: lookup_of(version, settings, features))
        self._repeated = Repeated(settings.state_folder, settings.keep_answers, settings.max_answers)
        self.spool: Spool
        self.flusher: Flusher

    def start(self) -> None:
        """Load the versions that the route names, take over what a crash left, begin. Raises ServingError."""
        with self._lock:
            if self._started:
                return
            # The model's thread holds the interpreter for milliseconds at a time, while requests wait to be read.
            sys.setswitchinterval(_SWITCH)
            self.router.start()
            self.spool = Spool(self.settings.spool_folder, self.settings.max_spool)
            self.shadow.start(self.spool)
            self.router.follow(self.settings.poll, self._tick)
            self.flusher = Flusher(self.spool, self._open_log, lambda: self.settings.called)
            self.flusher.start()
            self._report()
            self._started = True

    def stop(self) -> None:
        """Write and flush what is left, for at most the flush timeout; the next start flushes the rest."""
        with self._lock:
            if not self._started:
                return
            self._started = False
            self.draining = True
            self.router.stop()
            self.shadow.stop()
            self.spool.close()
            self._repeated.close()
            self.flusher.stop(self.settings.flush_timeout)
            self.spool.release()
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _load(self, version: Version) -> Served:
        return load_served(version, self.settings, self._pool, self.metrics.batch, self._features)

    def _open_log(self) -> Log:
        from mvops.registry.predictions import PredictionLog  # noqa: PLC0415 -- a third of a second, in the background

        return PredictionLog.open(self.settings.predictions, self.settings.root)

    def _tick(self) -> None:
        self._publish()
        route = self.router.table.route
        if route.shadow is not None:
            self.tally.follow(route)
        self.shadow.follow(route, self.tally.shadow)
        for served in self.router.table.served.values():
            served.look()

    def _publish(self) -> None:
        counts = self.tally.export()
        if counts != self._published:
            publish(self.spool.own_folder, counts)
            self._published = counts

    def rollout(self) -> RolloutCounts:
        """What each arm did since the route was adopted, in all processes of this machine."""
        self.tally.follow(self.router.table.route)
        counts = self.tally.counts(of_others(self.spool.own_folder))
        return counts.model_copy(update={"place": place_of(self.settings.state_folder)})

    def _report(self) -> None:
        gauge = self.metrics.gauge
        gauge("spool_bytes", "Bytes acknowledged and not yet in the prediction log.", lambda: self.spool.backlog)
        gauge("flush_lag_seconds", "For how long some have waited for the prediction log.", lambda: self.flusher.lag)
        self.metrics.also(ShadowMetrics(lambda: self.tally.shadow))
        damaged = len(self.spool.recovered.damaged)
        gauge("spool_damaged_segments", "Segments found damaged at the start.", lambda: damaged)

    async def predict(self, body: bytes, asked: Asked) -> tuple[bytes, bool]:
        """The answer to a request to /predict, and whether it repeats an earlier one's. Raises Problem.

        One of a load test is answered and logged as all are, but says nothing about the arm that answered it.
        """
        if self._working >= self.settings.max_waiting:
            raise Problem(503, "too many requests are in work", retry_after=_RETRY_AFTER)
        self._working += 1
        try:
            if asked.once is not None:
                return await self._repeated.answer(asked.once, body, lambda: self._in_time(body, asked), self._keep)
            made = await self._in_time(body, asked)
            await self._keep(made.record)
            made.count()
            return made.reply, False
        finally:
            self._working -= 1

    async def _in_time(self, body: bytes, asked: Asked) -> Made:
        """As `_predict`, for as long as the caller waits: rows that are still in the queue then are not predicted."""
        if asked.patience is None:
            return await self._predict(body, asked)
        try:
            async with asyncio.timeout(asked.patience - (time.perf_counter() - asked.started)):
                return await self._predict(body, asked)
        except TimeoutError:
            raise Problem(504, f"not answered within {asked.patience:g} s, for which it was asked") from None

    async def _predict(self, body: bytes, asked: Asked) -> Made:
        given = envelope(await self._decoded(body), "rows", "time")
        table = self.router.table
        arm, served = table.choose(asked.route_key)
        rows: list[dict[str, Any]] = given["rows"]
        times = event_times(given.get("time"), len(rows)) if type(rows) is list else ()
        read = await readable(served, rows, times, skip=self._skips)
        self.tally.follow(table.route)
        tally = ArmTally(arm.arm, arm.version) if asked.test else self.tally.of(arm.arm)
        before = time.perf_counter() - asked.started
        try:
            answers, read = await self._answers(served, read)
        except Problem:
            tally.failed()
            raise
        seconds = time.perf_counter() - asked.started
        tally.answered(len(read.rows), seconds * 1000)
        if table.compares:
            tally.spread.add(table.bins.shares(answers))
        ids = new_ids(len(read.rows))
        label = LOAD_TEST if asked.test else arm.arm
        skipped = Skipped(read.places, read.flaws) if self._skips else None
        model, latency, kept = self.settings.model, round(seconds * 1000, 3), self._redaction(read.rows)
        answered = Answered(ids, read.times, model, arm.version, label, kept, answers, latency, skipped)

        def count() -> None:
            if asked.test:
                return
            told = self.metrics.arm(arm.version, arm.arm, served.predicted)
            told.answered(answers, time.perf_counter() - asked.started)
            if self.tally.shadow is not None:
                self.shadow.offer(
                    table.route,
                    Given(self.tally.shadow, read.given, ids, read.times, answers, before, table.bins),
                )

        return Made(answered.reply(), answered.record(), count)

    async def outcomes(self, body: bytes) -> bytes:
        """Answer a request to /outcomes. Raises Problem."""
        signature = self.router.table.champion.version.signature
        outcomes = read_outcomes(await self._decoded(body), signature, self.settings.max_rows)
        await self._keep(outcomes_record(outcomes, datetime.now(UTC)))
        return orjson.dumps({"accepted": len(outcomes)})

    async def _decoded(self, body: bytes) -> Any:
        return decode(body) if len(body) < _LARGE else await asyncio.to_thread(decode, body)

    async def _answers(self, served: Served, read: Readable) -> tuple[Answers, Readable]:
        """The model's answers; where bad rows are skipped, without those that it cannot take."""
        try:
            return await self._ask(served, read.columns), read
        except Problem as problem:
            if not self._skips or not 0 < len({flaw.row for flaw in problem.flaws}) < len(read.places):
                raise
            rest = read.without(problem.flaws)
        return await self._ask(served, rest.columns), rest

    async def _ask(self, served: Served, columns: list[list[Any]]) -> Answers:
        """The model's answers. Raises Problem: 504 when it takes too long, 500 when it fails on these rows.

        Where it fails on rows with categories that the training had none of, that is 422, which names them.
        """
        try:
            async with asyncio.timeout(self.settings.predict_timeout):
                answers = await served.batcher.submit(columns)
        except ModelError as error:
            if isinstance(error.__cause__, GivenUpError):
                raise Problem(504, "the model took too long") from None
            if isinstance(error.__cause__, ModelDownError):
                raise Problem(503, "the model's process keeps ending", retry_after=_RETRY_AFTER) from None
            if flaws := unseen(served.version.signature.columns, columns):
                raise Problem.of_rows(flaws) from None
            raise failure("the model failed on this request", error.__cause__) from None
        except TimeoutError:
            raise Problem(504, "the model took too long") from None
        if answers.bad:
            raise failure(f"the model gave no finite number for row {min(answers.bad)}", None)
        return answers

    async def _keep(self, record: bytes) -> None:
        try:
            await self.spool.append(record)
        except SpoolError as error:
            raise Problem(503, f"the prediction cannot be logged: {error}", retry_after=_RETRY_AFTER) from None

    def readiness(self) -> tuple[bool, dict[str, Any]]:
        """Whether requests should come here, and the details for people."""
        return readiness(
            self.settings, self.router, self.spool, self.flusher, self.tally.shadow, draining=self.draining
        )
