"""A version answers what was asked before; nothing changes, and a bound that is broken is an exit code."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from toy_project import mvops

from mvops.core.prediction import LOAD_TEST, SHADOW, Outcome, Prediction
from mvops.registry.predictions import PredictionLog

pytestmark = pytest.mark.xdist_group("cli-toy")
START = datetime(2024, 3, 1, tzinfo=UTC)


def log(root: Path, inputs: dict[str, object], count: int, *, first: int = 0, arm: str = "champion") -> list[str]:
    """Rows that were answered with class 1."""
    made = [
        Prediction(
            id=f"{arm}-{first + number}",
            time=START + timedelta(minutes=first + number),
            model="toy",
            version=1,
            arm=arm,
            inputs=inputs,
            prediction=1,
            probability=None,
            latency_ms=1.0,
        )
        for number in range(count)
    ]
    with PredictionLog.open("sqlite:///.mvops/predictions.db", root) as found:
        found.append(made)
    return [prediction.id for prediction in made]


@pytest.fixture
def rows(project: Path) -> dict[int, dict[str, object]]:
    """A row that version 1 gives class 0, and one that it gives class 1."""
    found: dict[int, dict[str, object]] = {}
    for age in (20.0, 80.0):
        for income in (1000.0, 90000.0):
            row = {"age": age, "income": income, "region": "a"}
            log(project, row, 1, first=len(found) + 10_000 + int(age + income), arm="champion")
            said = mvops(project, "rollout", "rehearse", "toy", "--version", 1, "--last", 1, "--json").ok().json()
            found.setdefault(round(said["disagreement"]["share"]) ^ 1, row)
    (project / ".mvops/predictions.db").unlink()
    for rest in (project / ".mvops").glob("predictions.db-*"):
        rest.unlink()
    assert set(found) == {0, 1}
    return found


def test_a_version_is_rehearsed_on_what_callers_were_given(project: Path, rows: dict[int, dict[str, object]]) -> None:
    mvops(project, "rollout", "rehearse", "toy", "--version", 1).refused("nothing was asked of toy yet")
    mvops(project, "rollout", "rehearse", "toy").refused("the newest version of toy is champion", "--version N")
    mvops(project, "rollout", "rehearse", "toy", "--run", "no-such").refused("was made by the run no-such")
    mvops(project, "rollout", "rehearse", "toy", "--version", 9).refused("toy has no version 9")

    same = log(project, rows[1] | {"region": "a"}, 150)
    other = log(project, rows[0] | {"region": "b"}, 50, first=200)
    log(project, rows[0] | {"age": "old"}, 2, first=300)
    log(project, {"age": 40.0, "region": "a"}, 3, first=400)
    log(project, rows[0], 20, first=500, arm=LOAD_TEST)
    log(project, rows[0], 20, first=600, arm=SHADOW)
    with PredictionLog.open("sqlite:///.mvops/predictions.db", project) as found:
        right = [Outcome(prediction_id=name, outcome=1, received=START) for name in same]
        found.append_outcomes([*right, *(Outcome(prediction_id=name, outcome=0, received=START) for name in other)])

    said = mvops(project, "rollout", "rehearse", "toy", "--version", 1, "--json").ok().json()
    assert (said["version"], said["rows"], said["lacking"], said["failed"]) == (1, 205, 3, {})
    assert said["refused"] == {"age must be a finite number": 2}
    told = said["disagreement"]
    assert (told["rows"], told["share"]) == (200, pytest.approx(0.25))
    assert {"column": "region", "values": "b", "rows": 50, "disagreement": 1.0} in told["segments"]
    quality = told["quality"]
    assert (quality["rows"], quality["given"], quality["challenger"]) == (200, pytest.approx(0.25), 0.0)
    assert quality["difference"] == pytest.approx(-0.25)
    assert quality["low"] < -0.25 < quality["high"] < 0
    assert 0 < said["p50_ms"] <= said["p99_ms"]

    text = mvops(project, "rollout", "rehearse", "toy", "--version", 1).ok().out
    assert "toy: version 1 rehearsed on the 205 newest rows, 200 answered" in text
    assert "  refused    2 rows: age must be a finite number" in text
    assert "  left out   3 rows: the log does not have all of their columns any more" in text
    assert "  disagrees  25.00% of the rows get another class than was given" in text
    assert "    most where region is b: 100.00% (50 rows)" in text
    assert "  outcomes   200 rows: wrong 0 instead of 0.25, difference -0.25 (-0.31 to -0.19, 95 %)" in text

    bound = ("rollout", "rehearse", "toy", "--version", 1, "--max-disagreement")
    mvops(project, *bound, 0.2).refused("version 1 disagrees by 25.00%, allowed are 20.00%", code=4)
    mvops(project, *bound, 0.3, "--max-p99", 100_000).ok()
    mvops(project, *bound, 0.3, "--max-p99", 0.0001).refused(" ms, allowed are 0.0001 ms", code=4)
    assert mvops(project, "rollout", "rehearse", "toy", "--version", 1, "--last", 8, "--json").ok().json()["rows"] == 8


def test_a_column_that_the_log_does_not_keep_is_named(project: Path) -> None:
    log(project, {"age": 40.0, "region": "a"}, 3)
    refused = mvops(project, "rollout", "rehearse", "toy", "--version", 1)
    refused.refused("the prediction log does not have income of these rows any more", "rollout.strategy: shadow")
