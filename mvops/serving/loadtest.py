"""Asks an endpoint as often as it answers, for a while, and says how long the answers took.

Each client asks again once it is answered (a closed loop), on a connection of its own. The predictions are made and
logged like any other, under an arm of their own that the monitor does not read (`core.prediction.LOAD_TEST`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field

from mvops.core.frozen import Frozen
from mvops.core.progress import Progress, Tell, silent
from mvops.errors import ServingError
from mvops.serving.client import LOAD_TEST_HEADER, EndpointClient
from mvops.serving.exchange import Exchange, NoAnswerError

MOST_SECONDS, MOST_CLIENTS = 600, 256
_MOST_REQUESTS = 1_000_000
_TIMEOUT = 30.0  # seconds for one answer
_AGAIN = 0.05  # seconds until a client that got no answer tries again


class LoadReport(Frozen):
    """What was measured. Latencies are of requests that were answered with 200, None if there was none.

    `errors` counts the others by status, or as "no answer"; `client_busy` is the share of one core that the asking
    itself took: near 1, more clients cannot ask for more.
    """

    url: str
    clients: int
    seconds: float
    requests: int
    rows: int  # predicted
    errors: dict[str, int]
    per_second: float  # answered requests
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    longest_ms: float | None
    client_busy: float = Field(ge=0)

    @property
    def error_rate(self) -> float:
        """The share of the requests that were not answered with 200."""
        return sum(self.errors.values()) / self.requests if self.requests else 0.0


def example_of(url: str, key: str | None = None) -> dict[str, Any]:
    """The example of a request that the endpoint's OpenAPI document carries. Raises ServingError."""
    document = EndpointClient(url, key=key).document()
    try:
        content = document["paths"]["/predict"]["post"]["requestBody"]["content"]
        found: dict[str, Any] = content["application/json"]["example"]
    except KeyError as error:
        raise ServingError(f"the endpoint at {url} shows no example of a request") from error
    return found


def load_test(
    url: str,
    bodies: Sequence[Mapping[str, Any]],
    *,
    seconds: float,
    clients: int,
    tell: Tell = silent,
    key: str | None = None,
) -> LoadReport:
    """Send `bodies` in turn for so many seconds, with the endpoint's `key`, and wait for what is under way then.

    Raises ServingError when the endpoint does not answer the first of them, with its own words, and for what is
    beyond 600 seconds or 256 clients. Ends early after a million requests.
    """
    if not 0 < seconds <= MOST_SECONDS or not 0 < clients <= MOST_CLIENTS or not bodies:
        raise ServingError(f"a load test has 1 to {MOST_CLIENTS} clients and takes at most {MOST_SECONDS} seconds")
    EndpointClient(url, key=key).rehearse(bodies[0])
    parts = urlsplit(url)
    requests = [(_request(parts.netloc, parts.path.rstrip("/"), body, key), len(body["rows"])) for body in bodies]
    return asyncio.run(_Test(url, requests, seconds, clients, tell).run())


class _Test:
    def __init__(
        self, url: str, requests: Sequence[tuple[bytes, int]], seconds: float, clients: int, tell: Tell
    ) -> None:
        parts = urlsplit(url)
        self._host, self._port = str(parts.hostname), parts.port or 80
        self._url, self._seconds, self._clients, self._tell = url, seconds, clients, tell
        self._requests = requests  # with the rows of each
        self._latencies: list[float] = []  # seconds
        self._rows = 0
        self._asked = 0
        self._errors: Counter[str] = Counter()

    async def run(self) -> LoadReport:
        begun, busy = time.perf_counter(), time.process_time()
        progress = asyncio.create_task(self._progress(begun))
        await asyncio.gather(*(self._client(begun + self._seconds) for _ in range(self._clients)))
        taken, busy = time.perf_counter() - begun, time.process_time() - busy
        progress.cancel()
        return self._report(taken, busy)

    async def _progress(self, begun: float) -> None:
        while True:
            done = min(time.perf_counter() - begun, self._seconds)
            self._tell(Progress(what=f"asking {self._url}", done=done, total=self._seconds))
            await asyncio.sleep(0.2)

    async def _client(self, end: float) -> None:
        exchange: Exchange | None = None
        while time.perf_counter() < end and self._asked < _MOST_REQUESTS:
            request, rows = self._requests[self._asked % len(self._requests)]
            self._asked += 1
            started = time.perf_counter()
            try:
                exchange = exchange or await Exchange.open(self._host, self._port)
                async with asyncio.timeout(_TIMEOUT):
                    status = await exchange.ask(request)
            except (NoAnswerError, TimeoutError):
                self._errors["no answer"] += 1
                if exchange is not None:
                    exchange.close()
                exchange = None
                await asyncio.sleep(_AGAIN)
                continue
            if status == 200:
                self._latencies.append(time.perf_counter() - started)
                self._rows += rows
            else:
                self._errors[str(status)] += 1
        if exchange is not None:
            with contextlib.suppress(OSError):
                exchange.close()

    def _report(self, taken: float, busy: float) -> LoadReport:
        ordered = sorted(self._latencies)
        return LoadReport(
            url=self._url,
            clients=self._clients,
            seconds=round(taken, 3),
            requests=self._asked,
            rows=self._rows,
            errors=dict(sorted(self._errors.items())),
            per_second=round(len(ordered) / taken, 1),
            p50_ms=_quantile(ordered, 0.5),
            p95_ms=_quantile(ordered, 0.95),
            p99_ms=_quantile(ordered, 0.99),
            longest_ms=_quantile(ordered, 1),
            client_busy=round(busy / taken, 2),
        )


def _quantile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest latency, in ms, that this share of the answers did not exceed."""
    return round(ordered[math.ceil(share * len(ordered)) - 1] * 1000, 3) if ordered else None


def _request(host: str, prefix: str, body: Mapping[str, Any], key: str | None) -> bytes:
    content = json.dumps(body, allow_nan=False).encode()
    head = (
        f"POST {prefix}/predict HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        f"{LOAD_TEST_HEADER}: 1\r\nContent-Length: {len(content)}\r\n"
        + (f"Authorization: Bearer {key}\r\n" if key else "")
        + "\r\n"
    )
    return head.encode("ascii") + content
