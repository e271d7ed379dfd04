"""Gathers concurrent requests into batches, and runs them off the event loop.

A request never waits for others to come: when the model is idle it starts at once, and while it is busy the next
batch gathers. So one client alone pays nothing, and under load the batches grow by themselves. What answers a small
batch in less time than another thread takes to wake up (`quickly`, of an ONNX graph) is asked on the event loop.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from mvops.serving.answers import Answers

Predict = Callable[[Sequence[Sequence[Any]]], Answers]
Columns = list[list[Any]]
Quickly = Callable[[Columns, int], Answers | None]


class ModelError(Exception):
    """The model failed on these rows; its cause is what it raised."""


class GivenUpError(Exception):
    """The model took too long over a batch. Its rows are not asked again: they would take as long."""


@dataclass(slots=True)
class _Item:
    columns: Columns
    rows: int
    future: asyncio.Future[Answers]
    answer: Answers | BaseException | None = None


class Batcher:
    """One version's queue. To be used from one event loop; `predict` runs in `pool`, one batch at a time."""

    def __init__(self, predict: Predict, pool: Executor, max_rows: int, observe: Callable[[int], None]) -> None:
        self._predict = predict
        self._quickly: Quickly | None = getattr(predict, "quickly", None)
        self._pool = pool
        self._max_rows = max_rows
        self._observe = observe  # is told the rows of each batch
        self._waiting: deque[_Item] = deque()
        self._busy = False

    def submit(self, columns: Columns) -> asyncio.Future[Answers]:
        """The answers for validated columns, in time. The future raises ModelError when the model fails on them."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answers] = loop.create_future()
        self._waiting.append(_Item(columns, len(columns[0]) if columns else 0, future))
        if not self._busy:
            self._busy = True
            loop.call_soon(self._next, loop)  # after all requests that arrived in this turn of the loop
        return future

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        batch: list[_Item] = []
        rows = 0
        while self._waiting and (not batch or rows + self._waiting[0].rows <= self._max_rows):
            item = self._waiting.popleft()
            if not item.future.done():  # given up by its request
                batch.append(item)
                rows += item.rows
        if not batch:
            self._busy = False
            return
        self._observe(rows)
        answers = None if self._quickly is None else self._quickly(_joined(batch), rows)
        if answers is None:
            self._pool.submit(self._work, batch, loop)
        else:
            _share(answers, batch)
            self._deliver(batch, loop)

    def _work(self, batch: list[_Item], loop: asyncio.AbstractEventLoop) -> None:
        self._answer(batch)
        try:
            loop.call_soon_threadsafe(self._deliver, batch, loop)
        except RuntimeError:  # the loop was closed in the meantime
            return

    def _answer(self, batch: list[_Item]) -> None:
        """Ask the model once; when it fails, ask for each half, so that a poisoned row fails alone."""
        try:
            _share(self._predict(_joined(batch)), batch)
        except BaseException as error:  # noqa: BLE001 -- a model may raise anything, SystemExit too
            if len(batch) == 1 or isinstance(error, GivenUpError):
                for item in batch:
                    item.answer = error
                return
            half = len(batch) // 2
            self._answer(batch[:half])
            self._answer(batch[half:])

    def _deliver(self, batch: list[_Item], loop: asyncio.AbstractEventLoop) -> None:
        for item in batch:
            if item.future.done():
                continue
            if isinstance(item.answer, Answers):
                item.future.set_result(item.answer)
            else:
                failure = ModelError()
                failure.__cause__ = item.answer
                item.future.set_exception(failure)
        self._next(loop)


def _share(answers: Answers, batch: Sequence[_Item]) -> None:
    start = 0
    for item in batch:
        item.answer = answers if len(batch) == 1 else answers.part(start, start + item.rows)
        start += item.rows


def _joined(batch: Sequence[_Item]) -> Columns:
    if len(batch) == 1:
        return batch[0].columns
    first, *others = batch
    joined = [list(values) for values in first.columns]
    for item in others:
        for values, more in zip(joined, item.columns, strict=True):
            values.extend(more)
    return joined
