"""S11: whatever follows or breaks an endpoint's own OpenAPI document is answered as that says, and never with a 5xx.

`MVOPS_TEST_DEPTH=nightly` asks more than ten thousand requests, as `nox -s nightly` does.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from serving_support import CLASSIFICATION, LATE, ON_TIME, Project, Server
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

from mvops.artifacts.models import dump_model
from mvops.serving.client import EndpointClient

pytestmark = [pytest.mark.system, pytest.mark.long(minutes=2)]
NIGHTLY = os.environ.get("MVOPS_TEST_DEPTH") == "nightly"
EACH, FEWEST = "120", 300  # of each operation; of all together. More of one seed repeat themselves, and take hours
SEEDS = range(34 if NIGHTLY else 1)
KEY = "fuzzing-key-0123456789"


def total() -> bytes:
    """A model that answers all that its signature takes: nulls, and numbers of any size."""
    generator = np.random.default_rng(1)
    frame = pd.DataFrame([LATE, ON_TIME] * 100).assign(temp=generator.normal(10, 9, 200), wind=[np.nan, 3.0] * 100)
    columns = ColumnTransformer(
        [
            ("numbers", "passthrough", ["temp", "hour", "wind", "holiday"]),
            ("carrier", OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["carrier"]),
        ]
    )
    steps = [("columns", columns), ("model", HistGradientBoostingClassifier(max_iter=5))]
    return dump_model(Pipeline(steps).fit(frame, (frame["temp"] > 10).astype(int)))[0]


def asked(url: str, seed: int, report: Path) -> tuple[subprocess.CompletedProcess[str], list[dict]]:
    """What Schemathesis says, and each event of its report."""
    document = EndpointClient(url, key=KEY).document()
    predict = document["paths"]["/predict"]["post"]  # who waits for no time is rightly told 504
    predict["parameters"] = [each for each in predict["parameters"] if each["name"] != "X-Request-Timeout"]
    time = document["components"]["schemas"]["Request"]["properties"]["time"]  # nor can it say: as many as rows
    time["anyOf"] = [each for each in time["anyOf"] if each.get("type") != "array"]
    path = report.with_name("openapi.json")
    path.write_text(json.dumps(document))
    command = [
        sys.executable,
        "-m",
        "schemathesis.cli",
        "run",
        str(path),
        "-u",
        url,
        "-H",
        f"Authorization: Bearer {KEY}",
    ]
    options = [
        "--checks=all",
        "--continue-on-failure",
        f"--seed={20261128 + seed}",
        f"--max-examples={EACH}",
        "--warnings=off",
    ]
    options += ["--generation-with-security-parameters=false"]  # a second key would have all of it refused
    options += ["--suppress-health-check=all", "--report=ndjson", f"--report-ndjson-path={report}"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, cwd=report.parent, check=False)
    return done, [json.loads(line) for line in report.read_text().splitlines()]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.skipif(importlib.util.find_spec("schemathesis") is None, reason="needs schemathesis")
def test_s11_every_request_is_answered_as_the_document_says(
    tmp_path: Path, start: Callable[..., Server], seed: int
) -> None:
    project = Project(tmp_path, lambda _: total(), CLASSIFICATION, {"auth": {"keys": [{"secret": "FUZZING_KEY"}]}})
    project.version(1)
    project.route(1, champion=1)
    server = start(project, environment={"FUZZING_KEY": KEY})
    done, events = asked(server.url, seed, tmp_path / "report.ndjson")
    statuses = Counter(found for event in events for found in statuses_in(event))
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert sum(statuses.values()) >= FEWEST
    assert not [status for status in statuses if status >= 500]
    assert statuses.keys() >= {200, 400, 401, 405, 422}
    assert server.stop() == 0


def statuses_in(value: object) -> list[int]:
    if isinstance(value, dict):
        own = [value["status_code"]] if isinstance(value.get("status_code"), int) else []
        return own + [found for child in value.values() for found in statuses_in(child)]
    return [found for child in value for found in statuses_in(child)] if isinstance(value, list) else []
