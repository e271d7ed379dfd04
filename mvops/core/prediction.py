"""One prediction as it is logged, and its outcome."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from mvops.core.frozen import Frozen

SHADOW = "shadow"  # the arm of predictions that a version made beside the champion, and that nobody was given
LOAD_TEST = "load_test"  # the arm of predictions that a load test asked for: logged as all are, but not monitored
BATCH = "batch"  # the arm of what `mvops predict` asked for: monitored, but its latencies are no request's

HASHED = "hmac:"  # what a value begins with of which the log has a digest only


class Prediction(Frozen):
    """A logged prediction.

    `time` is the event time (given by the caller, else the time of the request), aware and in UTC; `latency_ms` is
    the request's, shared by its rows; `probability` is that of each class in the signature's order, or None.
    """

    id: str
    time: datetime
    model: str
    version: int
    arm: str
    inputs: dict[str, Any]
    prediction: Any
    probability: tuple[float, ...] | None
    latency_ms: float


class Outcome(Frozen):
    """What really happened; `received` is when we were told."""

    prediction_id: str
    outcome: Any
    received: datetime


def shadow_id(prediction_id: str) -> str:
    """What the shadow's prediction for the same row is called."""
    return f"{prediction_id}-{SHADOW}"
