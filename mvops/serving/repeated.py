"""Requests that carry a key are answered once: who asks again with the same key gets the answer that was given.

An answer is kept on disk, with its record for the spool, before the spool has that; so whenever a crash comes, who asks
again is answered with what is logged, or has it logged first. Of a record that is logged twice the log takes one: it
knows its ids. The processes of an endpoint share the file.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import sqlite3
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from mvops.serving.problems import Problem

_Found = TypeVar("_Found")
_FILE = "answers.db"
_WAIT = 5.0  # seconds for another process that writes
_PRUNE = 60.0  # seconds between two looks for what is too old
_MAKE = """
    CREATE TABLE IF NOT EXISTS answers (
        key BLOB PRIMARY KEY, body BLOB NOT NULL, kept REAL NOT NULL, reply BLOB NOT NULL, record BLOB NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS answers_kept ON answers (kept);
"""
_TOO_MUCH = """
    DELETE FROM answers WHERE record = x'' AND key IN (
        SELECT key FROM (SELECT key, sum(length(reply) + 100) OVER (ORDER BY kept DESC) AS upto FROM answers)
        WHERE upto > ?
    )
"""


@dataclass(frozen=True, slots=True)
class Made:
    """An answer with its record for the spool, empty once that has it; `count` is called when it is given."""

    reply: bytes
    record: bytes
    count: Callable[[], None] = lambda: None


class Repeated:
    """The answers that were given under a key, for `seconds`; of more than `most` bytes, the newest."""

    def __init__(self, folder: Path, seconds: float, most: int) -> None:
        self._path = folder / _FILE
        self._seconds, self._most = seconds, most
        self._new = 0  # bytes since it was last looked for what is too old
        self._lock = threading.Lock()
        self._opened: sqlite3.Connection | None = None
        self._prune_at = 0.0
        self._under_way: dict[bytes, tuple[bytes, asyncio.Future[bytes]]] = {}

    async def answer(
        self,
        key: bytes,
        body: bytes,
        make: Callable[[], Awaitable[Made]],
        log: Callable[[bytes], Awaitable[None]],
    ) -> tuple[bytes, bool]:
        """The answer, and whether it was given before. Raises Problem: 409 for another body; as `make` and `log`."""
        digest = hashlib.sha256(body).digest()
        if key in self._under_way:
            known, first = self._under_way[key]
            _check(known, digest)
            return await asyncio.shield(first), True
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._under_way[key] = digest, future
        try:
            reply, before = await self._answer(key, digest, make, log)
        except BaseException as error:
            if not isinstance(error, Problem):
                future.cancel()
            else:
                future.set_exception(error)
                future.exception()  # nobody else may have waited for it
            raise
        else:
            future.set_result(reply)
            return reply, before
        finally:
            del self._under_way[key]

    async def _answer(
        self, key: bytes, digest: bytes, make: Callable[[], Awaitable[Made]], log: Callable[[bytes], Awaitable[None]]
    ) -> tuple[bytes, bool]:
        found: Made | None = await self._ask(self._find, key, digest)
        made = found or await make()
        if found is None:
            kept: Made = await self._ask(self._keep, key, digest, made)
        else:
            kept = found
        if kept.record:
            await log(kept.record)
            await self._ask(self._logged, key)
        made.count()
        return kept.reply, found is not None

    async def _ask(self, do: Callable[..., _Found], *arguments: Any) -> _Found:
        try:
            return await asyncio.to_thread(do, *arguments)
        except (sqlite3.Error, OSError) as error:
            self.close()
            detail = f"the answer cannot be kept for a repetition: {error}"
            raise Problem(503, detail, retry_after=1) from None

    def _find(self, key: bytes, digest: bytes) -> Made | None:
        with self._database() as database:
            row = database.execute(
                "SELECT body, reply, record FROM answers WHERE key = ? AND kept > ?", (key, time.time() - self._seconds)
            ).fetchone()
        if row is None:
            return None
        _check(row[0], digest)
        return Made(row[1], row[2])

    def _keep(self, key: bytes, digest: bytes, made: Made) -> Made:
        """Keep it, and return it; or what another process has kept in the meantime."""
        now = time.time()
        with self._database("FULL") as database, database:
            database.execute("BEGIN IMMEDIATE")
            database.execute("DELETE FROM answers WHERE key = ? AND kept <= ?", (key, now - self._seconds))
            database.execute(
                "INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?)", (key, digest, now, made.reply, made.record)
            )
            row = database.execute("SELECT body, reply, record FROM answers WHERE key = ?", (key,)).fetchone()
            self._new += len(made.reply)
            self._prune(database, now)
        _check(row[0], digest)
        return Made(row[1], row[2])

    def _logged(self, key: bytes) -> None:
        with self._database() as database:  # lost by a crash, it is logged again
            database.execute("UPDATE answers SET record = x'' WHERE key = ?", (key,))

    def _prune(self, database: sqlite3.Connection, now: float) -> None:
        if time.monotonic() < self._prune_at and self._new < self._most // 8:
            return
        self._prune_at, self._new = time.monotonic() + _PRUNE, 0
        database.execute("DELETE FROM answers WHERE kept <= ?", (now - self._seconds,))
        database.execute(_TOO_MUCH, (self._most,))

    @contextlib.contextmanager
    def _database(self, synchronous: Literal["NORMAL", "FULL"] = "NORMAL") -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._opened is None:
                self._opened = sqlite3.connect(
                    self._path, timeout=_WAIT, isolation_level=None, check_same_thread=False, cached_statements=16
                )
                self._opened.execute("PRAGMA journal_mode = WAL")
                self._opened.executescript(_MAKE)
            self._opened.execute(f"PRAGMA synchronous = {synchronous}")
            yield self._opened

    def close(self) -> None:
        """Let go of the file; the next request with a key opens it again."""
        with self._lock:
            opened, self._opened = self._opened, None
            if opened is not None:
                with contextlib.suppress(sqlite3.Error):
                    opened.close()


def _check(known: bytes, given: bytes) -> None:
    if known != given:
        raise Problem(409, "the same Idempotency-Key came with another body before")
