"""K1: whatever is wrong with a canary, it is rolled back within so many requests, and gets none of them afterwards."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from serving_support import MODEL, REGRESSION, Project, wait_for
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import SplineTransformer

from mvops.artifacts.models import dump_model
from mvops.core.config.model import Rollout
from mvops.core.rollout import RolloutState
from mvops.errors import ServingError
from mvops.lifecycle.rollout import after, decide, route_for
from mvops.lifecycle.route_file import next_serial, write_route
from mvops.usecases.rollout_evidence import evidence_of

START = datetime(2026, 1, 1, tzinfo=UTC)


def linear(factor: float) -> LinearRegression:
    model = LinearRegression(fit_intercept=False).fit(pd.DataFrame({"x": [1.0, 2.0]}), [1.0, 2.0])
    model.coef_ = np.array([factor])
    return model


def slow() -> KNeighborsRegressor:
    """The same answers as the champion's, about; a distance to each of many rows for each."""
    frame = pd.DataFrame({"x": np.arange(800_000.0)})
    return KNeighborsRegressor(1, algorithm="brute").fit(frame, frame["x"] * 2)


def failing() -> Pipeline:
    """It predicts its own example, so that it is loaded, and raises for x above 3."""
    frame = pd.DataFrame({"x": np.linspace(0, 3, 20)})
    return make_pipeline(SplineTransformer(extrapolation="error"), LinearRegression()).fit(frame, frame["x"] * 2)


BAD = {
    "errors": (failing, {"error_rate": 0.05}, 60, "failed"),
    "NaN": (lambda: linear(1e308), {"error_rate": 0.05}, 60, "failed"),
    "drift": (lambda: linear(-1000.0), {"prediction_drift": 0.2}, 600, "are spread otherwise than the champion's"),
    "latency": (slow, {"latency_p99": "2x"}, 600, "99th percentile"),
}


class Rolling:
    """A rollout at 50 %, decided on what a real endpoint counts."""

    def __init__(self, project: Project, endpoint, abort) -> None:
        self.settings = Rollout.model_validate({"strategy": "canary", "steps": [50, 100], "hold": "1h", "abort": abort})
        self.endpoint, self.project = endpoint, project
        self.state = RolloutState(
            id=1, model=MODEL, champion=1, challenger=2, shares=self.settings.steps, step=0, status="running",
            reason="passed", started=START, step_started=START,
        )  # fmt: skip
        self.steer()

    def steer(self) -> None:
        serial = next_serial(self.project.state)
        write_route(self.project.state, route_for(self.state, serial))
        assert wait_for(lambda: self.endpoint.client.rollout().serial == serial, timeout=60)

    def look(self) -> None:
        found = evidence_of(self.state, self.endpoint.client.rollout(), {}, ())
        decision = decide(self.state, self.settings, found, START + timedelta(minutes=1))
        if decision.action == "abort":
            self.state = after(self.state, decision, START)
            self.steer()


@pytest.mark.parametrize("fault", BAD)
def test_k1_a_bad_canary_is_rolled_back_and_gets_nothing_afterwards(tmp_path, dumped, local, fault):
    made, abort, within, said = BAD[fault]
    models = {"good": dumped("doubler"), "bad": dump_model(made())[0]}
    project = Project(tmp_path, models.__getitem__, REGRESSION)
    project.version(1, "good")
    project.version(2, "bad")
    project.route(1, champion=1)
    endpoint = local(project)
    rolling = Rolling(project, endpoint, abort)
    asked = 0
    while rolling.state.status == "running":
        assert asked < within, f"not rolled back after {asked} requests: {endpoint.client.rollout()}"
        ask(endpoint, 20)
        asked += 20
        rolling.look()
    assert rolling.state.status == "aborted"
    assert said in rolling.state.reason
    assert ask(endpoint, 100) == {1: 100}


def ask(endpoint, times: int) -> Counter:
    """By which version requests were answered; 0 for those that were not."""
    found: Counter = Counter()
    for number in range(times):
        try:
            found[endpoint.client.predict([{"x": float(number % 50)}]).model_version] += 1
        except ServingError:
            found[0] += 1
    return found
