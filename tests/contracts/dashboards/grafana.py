"""A dashboard is read by the metrics that its panels ask Prometheus for; that they have data is another test's."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

_SUBJECTS = {
    "mvops_predictions_total": "traffic",
    "mvops_predicted_score_bucket": "predictions",
    "mvops_predicted_value_bucket": "predictions",
    "mvops_predict_seconds_bucket": "latency",
    "mvops_requests_total": "errors",
}


def set_up(_folder: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    def shown(files: Mapping[str, str]) -> set[str]:
        (document,) = (json.loads(text) for path, text in files.items() if path.endswith(".json"))
        (targets,) = (yaml.safe_load(text) for path, text in files.items() if path.endswith(".yml"))
        assert targets == [{"targets": ["127.0.0.1:8000"], "labels": {"project": "flights", "model": "delay"}}]
        asked = [target["expr"] for panel in document["panels"] for target in panel["targets"]]
        assert all('project="flights",model="delay"' in expression for expression in asked)
        metrics = {name for expression in asked for name in re.findall(r"mvops_\w+", expression)}
        return {_SUBJECTS[name] for name in metrics if name in _SUBJECTS}

    yield request.module.Reader(
        shown=shown,
        options={"interval": "1m", "prometheus": "https://prometheus.example.org"},
        broken={
            "prometheus": {"prometheus": "http://me:s3cr3t@prometheus:9090"},
            "host": {"host": 'a"], labels: {s3cr3t: x}}'},
            "interval": {"interval": "often"},
            "path": {"path": "here"},
        },
    )
