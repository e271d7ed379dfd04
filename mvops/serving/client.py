"""A small client for an endpoint; the standard library only."""

from __future__ import annotations

import http.client
import json
import os
import time as clock
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from mvops.core.config.auth import Auth
from mvops.core.frozen import Frozen
from mvops.errors import ServingError
from mvops.serving.counts import RolloutCounts
from mvops.serving.problems import Flaw

LOAD_TEST_HEADER = "X-Mvops-Load-Test"
_PAUSE = 0.05  # seconds between looks at an endpoint that is not ready


def key_of(auth: Auth | None) -> str | None:
    """The first of its keys that is set here."""
    return next(filter(None, map(os.environ.get, auth.names if auth else ())), None)


class KeyAskedError(ServingError):
    """The endpoint answers whoever has a key, and none was sent that it takes."""


class Reply(Frozen):
    """What /predict answered. Where an endpoint skips bad rows, they have None, and `errors` says what is wrong."""

    predictions: tuple[Any, ...]
    prediction_ids: tuple[Any, ...]
    model_version: int
    probabilities: tuple[tuple[float, ...] | None, ...] | None = None
    errors: tuple[Flaw, ...] = ()


class EndpointClient:
    """Talks to the endpoint at `url`, such as http://127.0.0.1:8000. Not for several threads at once.

    Every method raises ServingError when the endpoint cannot be reached (within `timeout` seconds) or refuses, with
    the endpoint's own words. `key` is sent to one that asks for it, or the first of those of `auth` that is set here.
    """

    def __init__(self, url: str, timeout: float = 10, auth: Auth | None = None, key: str | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise ServingError(f"{url!r} is not the URL of an endpoint", hint="Write it such as http://127.0.0.1:8000")
        self.url = url.rstrip("/")
        self._prefix = parts.path.rstrip("/")
        self._names = auth.names if auth else ()
        key = key or key_of(auth)
        self._who = {"Authorization": f"Bearer {key}"} if key else {}
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=timeout)

    def ready(self, timeout: float = 0) -> dict[str, Any]:
        """What /health/ready says, once it says yes; waits for at most `timeout` seconds."""
        deadline = clock.monotonic() + timeout
        while True:
            try:
                found: dict[str, Any] = self._call("GET", "/health/ready")
            except ServingError:
                if clock.monotonic() >= deadline:
                    raise
                clock.sleep(_PAUSE)
            else:
                return found

    def predict(
        self, rows: Sequence[Mapping[str, Any]], time: str | Sequence[str] | None = None, key: str | None = None
    ) -> Reply:
        """Predictions for rows. `time` is when they happened (ISO 8601); `key` keeps a client with one version."""
        body: dict[str, Any] = {"rows": list(rows)}
        if time is not None:
            body["time"] = time if isinstance(time, str) else list(time)
        return Reply.model_validate(self._call("POST", "/predict", body, {"X-Route-Key": key} if key else {}))

    def outcomes(self, outcomes: Sequence[tuple[str, Any]]) -> int:
        """Tell what really happened, as pairs of prediction id and outcome. Returns how many were accepted."""
        entries = [{"prediction_id": name, "outcome": outcome} for name, outcome in outcomes]
        return int(self._call("POST", "/outcomes", {"outcomes": entries})["accepted"])

    def rehearse(self, body: Mapping[str, Any]) -> None:
        """Ask /predict as a load test does: what is answered is logged, but not monitored."""
        self._call("POST", "/predict", body, {LOAD_TEST_HEADER: "1"})

    def document(self) -> dict[str, Any]:
        """The OpenAPI document."""
        found: dict[str, Any] = self._call("GET", "/openapi.json")
        return found

    def rollout(self) -> RolloutCounts:
        """What each arm did since the current route was adopted. Only from the endpoint's own machine."""
        return RolloutCounts.model_validate(self._call("GET", "/rollout"))

    def metrics(self) -> str:
        """What Prometheus is told, in its text format."""
        status, text = self._send("GET", "/metrics", None, {})
        if status != 200:
            raise self._failure(status, "no metrics")
        return text.decode("utf-8", "replace")

    def _call(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
        data = None if body is None else json.dumps(body, allow_nan=False).encode()
        sent = dict(headers or {}) | ({"Content-Type": "application/json"} if data else {})
        status, text = self._send(method, path, data, sent)
        try:
            value = json.loads(text)
        except ValueError as error:
            raise ServingError(f"the endpoint at {self.url} answered with {status} and no JSON") from error
        if status != 200:
            raise self._failure(status, value.get("detail") or "not ready")
        return value

    def _failure(self, status: int, detail: str) -> ServingError:
        message = f"the endpoint at {self.url} answered with {status}: {detail}"
        if status not in {401, 429}:
            return ServingError(message)
        which = f"Set one of its keys here: {' or '.join(self._names)}" if self._names else "Ask with one of its keys"
        return KeyAskedError(message, hint=which)

    def _send(self, method: str, path: str, data: bytes | None, headers: Mapping[str, str]) -> tuple[int, bytes]:
        try:  # each call has a connection of its own: one that idled may be closed under us, and a POST is not repeated
            self._connection.request(method, self._prefix + path, data, {**headers, **self._who})
            response = self._connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            raise ServingError(f"the endpoint at {self.url} did not answer: {error}") from error
        finally:
            self._connection.close()
