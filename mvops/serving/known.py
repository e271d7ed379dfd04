"""What the prediction log knows of outcomes that come in: asked beside the answer, and never waited for for long."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, Protocol

from mvops.core.prediction import Outcome

_PATIENCE = 2.0  # seconds
_MOST = 8  # questions at once; a database that hangs is asked no more


class Asked(Protocol):
    """The part of `registry.predictions.PredictionLog` that is used here."""

    def compare_outcomes(self, outcomes: Sequence[Outcome]) -> Any:
        """What logging these would do."""
        ...


class Known:
    """Asks the log in a thread of its own. `open_log` is called for the first question, and again after a failure."""

    def __init__(self, open_log: Callable[[], Asked]) -> None:
        self._open_log = open_log
        self._log: Asked | None = None
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="known")
        self._waiting = 0

    async def counts(self, outcomes: Sequence[tuple[str, Any]]) -> dict[str, int]:
        """How many are of predictions that are not in the log, and contradict it; nothing where it does not answer."""
        if self._waiting >= _MOST:
            return {}
        try:
            asked = asyncio.get_running_loop().run_in_executor(self._pool, self._ask, outcomes)
        except RuntimeError:  # it was closed
            return {}
        self._waiting += 1
        asked.add_done_callback(self._answered)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                return await asyncio.shield(asked)
        return {}

    def close(self) -> None:
        """Ask no more."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._drop()

    def _answered(self, _: object) -> None:
        self._waiting -= 1

    def _ask(self, outcomes: Sequence[tuple[str, Any]]) -> dict[str, int]:
        now = datetime.now(UTC)
        given = [Outcome.model_construct(prediction_id=name, outcome=value, received=now) for name, value in outcomes]
        try:
            self._log = self._log or self._open_log()
            found = self._log.compare_outcomes(given)
        except Exception:  # noqa: BLE001 -- whatever the database's driver raises; the outcomes are safe in the spool
            self._drop()
            return {}
        return {"unknown": len(found.unknown), "contradicting": len(found.different)}

    def _drop(self) -> None:
        close = getattr(self._log, "close", None)
        self._log = None
        if close is not None:
            with contextlib.suppress(Exception):
                close()
