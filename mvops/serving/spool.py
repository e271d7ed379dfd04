"""The spool: what was acknowledged and is not yet in the prediction log, on disk, in append-only segments.

One thread writes. It takes whatever waits, appends it with one write, calls fsync once, and only then tells those who
wait that their records are safe (group commit). A write that fails is reported to those who wait, the segment is
closed and a new one is begun: after a failed fsync nobody knows what the old file would still keep.

Each process has a folder of its own below the spool's, held by a lock that dies with the process. Segments of processes
that are gone are taken over at the next start.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from mvops.errors import ServingError
from mvops.serving.ownership import Claim, claim, left_over, put_away
from mvops.serving.segments import MAGIC, MAX_PAYLOAD, examine, framed
from mvops.serving.writing import Appender

_SEGMENT = 8 << 20  # bytes after which the next segment is begun
_PROBE = 0.5  # seconds between attempts to write again
_ROOM = 0.9  # of a spool that was full must be left at most, before it counts as having room again
_FULL = "the spool is full: too much waits for the prediction log"
Waiter = tuple[bytes, "asyncio.Future[None]"]


class SpoolError(Exception):
    """A record is not safe: the disk refuses, or the spool is full. The message says which."""


@dataclass(slots=True)
class Segment:
    """A segment as its reader sees it: `durable` bytes may be read; `closed` when no more will come."""

    path: Path
    durable: int = 0
    closed: bool = False
    damages: int = 0
    flushed: int = 0  # bytes that are in the prediction log already


@dataclass(slots=True)
class Recovered:
    """What the last start found left over."""

    segments: int = 0
    records: int = 0
    damaged: list[str] = field(default_factory=list)  # names of files, kept as *.damaged once their records are safe


class Spool:
    """Durable appends from an event loop, and segments to read for whoever moves them on."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        """Take over what was left. Raises ServingError when the folder cannot be written."""
        self._max_bytes = max_bytes
        self._segment_bytes = max(4096, min(_SEGMENT, max_bytes // 4))
        self._folder = folder
        self.recovered = Recovered()
        self._segments: list[Segment] = []
        self._owned: list[Claim] = []
        try:
            self._own = claim(folder)
            self._adopt()
        except OSError as error:
            raise ServingError(f"cannot write to {folder}: {error.strerror}") from error
        self._changed = threading.Condition()
        self._waiting: deque[Waiter] = deque()
        self._pending = 0  # bytes in `_waiting` and in the write under way
        self._broken: str | None = None
        self._overflowed = False
        self._closing = False
        self._current: tuple[Appender, Segment] | None = None
        self._number = 0
        self._thread = threading.Thread(target=self._write_on, name="spool", daemon=True)
        self._thread.start()

    def _adopt(self) -> None:
        for gone in left_over(self._folder):
            self._owned.append(gone)
            for path in gone.segments():
                health = examine(path)
                self._segments.append(Segment(path, path.stat().st_size, closed=True, damages=health.damages))
                self.recovered.segments += 1
                self.recovered.records += health.records
                if health.damages:
                    self.recovered.damaged.append(f"{gone.folder.name}-{path.name}")

    @property
    def own_folder(self) -> Path:
        """This process's folder, below the spool's."""
        return self._own.folder

    @property
    def backlog(self) -> int:
        """Bytes that are not yet in the prediction log."""
        with self._changed:
            return self._backlog()

    def _backlog(self) -> int:
        return self._pending + sum(segment.durable - segment.flushed for segment in self._segments)

    @property
    def trouble(self) -> str | None:
        """Why nothing can be acknowledged now, or None."""
        with self._changed:
            if self._overflowed and self._backlog() <= _ROOM * self._max_bytes:
                self._overflowed = False
            return self._broken or (_FULL if self._overflowed else None)

    async def append(self, payload: bytes) -> None:
        """Return when the record is safe on disk. Raises SpoolError."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        record = framed(payload)
        with self._changed:
            if self._closing:
                raise SpoolError("the endpoint is stopping")
            if len(payload) > min(MAX_PAYLOAD, self._max_bytes):
                raise SpoolError("the record is too large")
            if self._backlog() + len(record) > self._max_bytes:
                self._overflowed = True
                raise SpoolError(_FULL)
            self._waiting.append((record, future))
            self._pending += len(record)
            self._changed.notify_all()
        await future

    def close(self) -> None:
        """Write what waits and end; segments stay to be read."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()

    def release(self) -> None:
        """Give up the folders that are empty, and let the next start take over the others."""
        for one in (self._own, *self._owned):
            one.release()

    def segments(self) -> list[Segment]:
        """The segments that hold something to read, oldest first."""
        with self._changed:
            return list(self._segments)

    def flushed(self, segment: Segment, until: int) -> None:
        """Note that the bytes before `until` are in the prediction log; a finished segment is put away."""
        with self._changed:
            segment.flushed = until
            finished = segment.closed and until >= segment.durable
            if finished:
                self._segments.remove(segment)
        if finished:
            put_away(segment.path, self._folder, damaged=segment.damages > 0)

    def _write_on(self) -> None:
        """The writer's thread."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing, _PROBE if self._broken else None)
                batch = list(self._waiting)
                self._waiting.clear()
                if not batch and self._closing:
                    self._end_segment()
                    return
            if batch:
                self._commit(batch)
            elif self._broken:
                self._probe()

    def _commit(self, batch: list[Waiter]) -> None:
        data = b"".join(record for record, _ in batch)
        failure: SpoolError | None = None
        size = 0
        try:
            appender, segment = self._current = self._current or self._begin()
            size = appender.append(data)
        except Exception as error:  # noqa: BLE001 -- whatever it is, those who wait must be told
            failure = SpoolError(f"the disk refuses: {getattr(error, 'strerror', None) or type(error).__name__}")
        with self._changed:
            self._pending -= len(data)
            self._broken = str(failure) if failure else None
            if failure is None:
                segment.durable = size
            if failure or size >= self._segment_bytes:
                self._end_segment()
        _settle([future for _, future in batch], failure)

    def _begin(self) -> tuple[Appender, Segment]:
        self._number += 1
        segment = Segment(self._own.folder / f"{self._number:010d}.segment")
        appender = Appender(segment.path, MAGIC)
        with self._changed:
            self._segments.append(segment)
        return appender, segment

    def _end_segment(self) -> None:
        if self._current is not None:
            appender, segment = self._current
            self._current = None
            appender.close()
            segment.closed = True

    def _probe(self) -> None:
        """See whether the disk takes records again."""
        path = self._own.folder / "probe"
        try:
            with contextlib.closing(Appender(path, MAGIC)) as appender:
                appender.append(bytes(4096))
        except OSError:
            time.sleep(_PROBE)
            return
        finally:
            path.unlink(missing_ok=True)
        with self._changed:
            self._broken = None


def _settle(futures: list[asyncio.Future[None]], failure: SpoolError | None) -> None:
    def settle() -> None:
        for future in futures:
            if future.done():
                continue
            if failure is None:
                future.set_result(None)
            else:
                future.set_exception(failure)

    with contextlib.suppress(RuntimeError):  # the loop was closed in the meantime
        futures[0].get_loop().call_soon_threadsafe(settle)
