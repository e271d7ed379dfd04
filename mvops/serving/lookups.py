"""Fills rows with features from the feature store, by the entities that they name.

A row carries the entities and what only the caller knows; it may bring a feature itself, which then counts. The value
of a feature is missing when the store has none for the entity, or only one that is older than the view's time to live.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Literal

from mvops.contracts.feature_stores import OnlineReader
from mvops.core.lookup import Lookup
from mvops.errors import DataError, MvopsError
from mvops.serving.problems import Flaw, Problem
from mvops.serving.rows import INT64

Row = dict[str, Any]
_RETRY_AFTER = 1  # seconds
_EVERY = 2.0  # seconds between two looks for views that are gone


class FeatureLookup:
    """The lookups of one version. Its reader is only ever used in one thread."""

    def __init__(
        self,
        lookup: Lookup,
        columns: Sequence[str],
        open_reader: Callable[[], OnlineReader],
        missing: Literal["refuse", "null"],
    ) -> None:
        self._lookup = lookup
        self._views = lookup.fields
        self._extra = lookup.keys.keys() - set(columns)  # entities that the model itself does not read
        self._missing = missing
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="features")
        self._reader = self._pool.submit(open_reader).result()
        self._looking: Future[None] | None = None
        self._look_at = 0.0
        self.gone: tuple[str, ...] = ()  # views that the store does not have, when it was last looked at

    def look(self) -> None:
        """Look for views that are gone, every few seconds: in its own thread, nobody waits for it."""
        if time.monotonic() >= self._look_at and (self._looking is None or self._looking.done()):
            self._look_at = time.monotonic() + _EVERY
            self._looking = self._pool.submit(self._look)

    def _look(self) -> None:
        with suppress(MvopsError):  # a store that does not answer says nothing of its views
            self.gone = self._reader.gone()

    async def fill(self, rows: list[Row], times: Sequence[datetime]) -> tuple[list[Row], list[Row]]:
        """The rows with their features, first as the model reads them, then with their entities, for the log.

        Raises Problem: 422 for an entity that is not named or not known, 503 when the store does not answer or lacks
        a view, which it names.
        """
        wanting = [index for index, row in enumerate(rows) if not self._views.keys() <= row.keys()]
        self._check(rows, wanting)
        found = await self._read([{key: rows[index][key] for key in self._lookup.keys} for index in wanting])
        full = list(rows)
        flaws: list[Flaw] = []
        for index, values in zip(wanting, found, strict=True):
            full[index] = rows[index] | self._values(index, rows[index], values, times[index], flaws)
        if flaws:
            raise Problem.of_rows(flaws)
        if not self._extra:
            return full, full
        return [{name: value for name, value in row.items() if name not in self._extra} for row in full], full

    def _check(self, rows: list[Row], wanting: Sequence[int]) -> None:
        flaws = [
            Flaw(row=index, column=key, message=message)
            for index in wanting
            for key, wanted in self._lookup.keys.items()
            if (message := _flaw(rows[index], key, wanted.kind))
        ]
        if flaws:
            raise Problem.of_rows(flaws)

    async def _read(self, keys: list[Row]) -> list[dict[str, tuple[Any, datetime]]]:
        if not keys:
            return []
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._reader.read, keys)
        except DataError as error:
            raise Problem(503, error.message, retry_after=_RETRY_AFTER) from None
        except MvopsError:
            raise Problem(503, "the feature store does not answer", retry_after=_RETRY_AFTER) from None

    def _values(
        self, index: int, row: Row, found: dict[str, tuple[Any, datetime]], time: datetime, flaws: list[Flaw]
    ) -> Row:
        values: Row = {}
        for field, name in self._views.items():
            if field in row:
                continue
            view = self._lookup.views[name]
            value, since = found.get(field, (None, None))
            old = since is not None and view.ttl is not None and time - since > timedelta(seconds=view.ttl)
            if self._missing == "refuse" and (since is None or old):
                entity = " and ".join(view.entities)
                said = "only an old value" if old else "no value"
                flaws.append(Flaw(row=index, column=field, message=f"{name} has {said} for this {entity}"))
            values[field] = None if old else value
        return values


def _flaw(row: Row, key: str, kind: str) -> str | None:
    if key not in row:
        return "is missing: features are looked up by it"
    value = row[key]
    if kind == "string":
        return None if type(value) is str and "\0" not in value else "must be a text: features are looked up by it"
    fits = type(value) is int and value in (INT64 if kind == "int64" else range(-(2**31), 2**31))
    return None if fits else f"must be an integer ({kind}): features are looked up by it"
