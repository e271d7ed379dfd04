"""What is said on a terminal is said once."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

from toy_project import COMMAND, environment, rows

from mvops.core.prediction import Prediction
from mvops.registry.predictions import PredictionLog


def test_an_alert_is_printed_once_where_output_and_errors_come_to_one_place(project: Path) -> None:
    frame = rows(range(100, 104)).drop(columns=["day", "y"])
    frame["age"] += 30
    with PredictionLog.open("sqlite:///.mvops/predictions.db", project) as log:
        log.append(
            Prediction(
                id=str(number),
                time=datetime(2024, 3, 1, 10, tzinfo=UTC),
                model="toy",
                version=1,
                arm="champion",
                inputs=inputs,
                prediction=number % 2,
                probability=None,
                latency_ms=1.0,
            )
            for number, inputs in enumerate(frame.to_dict("records"))
        )
    done = subprocess.run(
        [*COMMAND, "monitor", "toy", "--until", "2024-03-02"],
        cwd=project,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=True,
    )
    alerts = [line for line in done.stdout.splitlines() if line.strip().startswith("ALERT")]
    assert len(alerts) == 1, done.stdout
    assert alerts[0].startswith("ALERT (")  # the notifier's
