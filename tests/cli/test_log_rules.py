"""`log: {exclude, hash}` of a model's YAML: planned, applied, kept, and what the monitor makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import toy_project as toy
from toy_project import mvops

from mvops.registry.predictions import PredictionLog

pytestmark = pytest.mark.xdist_group("cli-toy")


def test_what_is_not_kept_is_planned_and_not_watched(project: Path) -> None:
    yaml = project / "configs" / "models" / "toy.yaml"
    yaml.write_text(toy.YAML + "log: {exclude: [regio], hash: [age]}\n")
    planned = mvops(project, "plan").ok().out
    assert "log names regio, which version 1 does not read; did you mean 'region'?" in planned
    yaml.write_text(toy.YAML + "log: {exclude: [region], hash: [age]}\n")
    planned = mvops(project, "plan").ok().out
    assert "endpoint.toy" in planned
    assert "log names" not in planned
    assert "model.toy" not in planned  # nothing is trained for it
    mvops(project, "apply", "--yes").ok()
    assert (
        '"log": {"exclude": ["region"], "hash": ["age"]}' in (project / "deploy/serving/toy/service.json").read_text()
    )

    rows = toy.rows(range(60, 63), seed=3).assign(when="2024-04-01", region="zz")
    rows["income"] *= 3
    rows.to_csv(project / "in.csv", index=False)
    mvops(project, "predict", "toy", "-i", "in.csv", "-o", "out.csv", "--time", "when").ok()
    with PredictionLog.open("sqlite:///.mvops/predictions.db", project) as log:
        inputs = [p.inputs for _, p in log.read("toy")]
    assert all(row.keys() == {"age", "income"} and row["age"].startswith("hmac:") for row in inputs)
    found = mvops(project, "monitor", "toy", "--json").ok().json()["models"][0]
    assert found["unwatched"] == ["region", "age"]
    assert found["predictions"] == 300
    drifted = [name for window in found["windows"] for name in window["drifted"]]
    assert "income" in drifted
    assert not {"region", "age"} & set(drifted)
    assert "not watched, as the log does not keep them: region, age" in mvops(project, "monitor", "toy").ok().out
