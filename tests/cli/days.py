"""Days of predictions of the toy model, as its endpoint would have logged them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from toy_project import rows

from mvops.core.prediction import Prediction
from mvops.registry.predictions import PredictionLog


def log_day(project: Path, day: int, *, older: float = 0) -> None:
    """A day of March 2024 of predictions, whose people are `older` than those of the training by so many years."""
    frame = rows(range(100 + 4 * day, 104 + 4 * day)).drop(columns=["day", "y"])
    frame["age"] += older
    with PredictionLog.open("sqlite:///.mvops/predictions.db", project) as log:
        log.append(
            Prediction(
                id=f"{day}-{number}",
                time=datetime(2024, 3, 1, 10, tzinfo=UTC) + timedelta(days=day),
                model="toy",
                version=1,
                arm="champion",
                inputs=inputs,
                prediction=number % 2,
                probability=(0.1, 0.9) if number % 2 else (0.9, 0.1),
                latency_ms=1.0,
            )
            for number, inputs in enumerate(frame.to_dict("records"))
        )
