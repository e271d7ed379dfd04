"""What the spool's records say: one for each request, so that a request is kept as a whole or not at all."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from mvops.core.prediction import Outcome, Prediction
from mvops.serving.answers import Answers
from mvops.serving.problems import Flaw


@dataclass(frozen=True, slots=True)
class Skipped:
    """Of a request whose bad rows are skipped: where its other rows stand, and what is wrong with these."""

    places: Sequence[int]
    flaws: Sequence[Flaw]

    def spread(self, values: Sequence[Any]) -> list[Any]:
        """One for each row of the request: None for a bad one."""
        found = [None] * (len(self.places) + len(self.flaws))
        for place, value in zip(self.places, values, strict=True):
            found[place] = value
        return found


@dataclass(frozen=True, slots=True)
class Answered:
    """A request to /predict that the model has answered. `times` are the rows' event times; `ids` the predictions'."""

    ids: Sequence[str]
    times: Sequence[datetime]
    model: str
    version: int
    arm: str
    rows: Sequence[dict[str, Any]]
    answers: Answers
    latency_ms: float
    skipped: Skipped | None = None

    def record(self) -> bytes:
        """The record for the spool."""
        shared = {"model": self.model, "version": self.version, "arm": self.arm, "latency_ms": self.latency_ms}
        return orjson.dumps(
            {
                "kind": "predictions",
                "ids": self.ids,
                "times": self.times,
                "shared": shared,
                "inputs": self.rows,
                "predictions": self.answers.predictions,
                "probabilities": self.answers.probabilities,
            }
        )

    def reply(self) -> bytes:
        """The body of its answer."""
        each = self.skipped.spread if self.skipped else list
        told: dict[str, Any] = {
            "predictions": each(self.answers.predictions),
            "prediction_ids": each(self.ids),
            "model_version": self.version,
        }
        if self.answers.probabilities is not None:
            told["probabilities"] = each(self.answers.probabilities)
        if self.skipped:
            told["errors"] = [flaw.short().model_dump() for flaw in self.skipped.flaws]
        return orjson.dumps(told)


def new_ids(rows: int) -> Sequence[str]:
    """Ids that sort by time."""
    base = f"{time.time_ns() // 1_000_000:012x}{os.urandom(8).hex()}"
    return [f"{base}-{row}" for row in range(rows)]


def outcomes_record(outcomes: Sequence[tuple[str, Any]], received: datetime) -> bytes:
    """The record for a request to /outcomes."""
    return orjson.dumps({"kind": "outcomes", "received": received, "outcomes": outcomes})


def read_record(payload: bytes) -> tuple[list[Prediction], list[Outcome]]:
    """What a record holds. Raises ValueError or KeyError for one that we did not write.

    The values were checked when they came in; they are not checked again.
    """
    found = orjson.loads(payload)
    if found["kind"] == "outcomes":
        received = datetime.fromisoformat(found["received"])
        return [], [
            Outcome.model_construct(prediction_id=name, outcome=value, received=received)
            for name, value in found["outcomes"]
        ]
    if found["kind"] != "predictions":
        raise ValueError(found["kind"])
    probabilities = found["probabilities"] or [None] * len(found["ids"])
    rows = zip(found["ids"], found["times"], found["inputs"], found["predictions"], probabilities, strict=True)
    return [
        Prediction.model_construct(
            id=name,
            time=datetime.fromisoformat(time),
            inputs=inputs,
            prediction=prediction,
            probability=None if probability is None else tuple(probability),
            **found["shared"],
        )
        for name, time, inputs, prediction, probability in rows
    ], []
