"""A model's YAML as it is written: it loads back equal, whatever the values, and reads well."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mvops.errors import SpecError, UsageError
from mvops.loading.load import load_project
from mvops.loading.strict_yaml import parse
from mvops.loading.write import model_yaml, write_model_yaml

CONFIG: dict[str, Any] = {
    "retrain": {"on": ["drift", "performance"], "schedule": "0 3 * * 1"},
    "evaluate": {"metrics": ["roc_auc", "log_loss"], "task": "classification"},
    "pipeline": {
        "outputs": {"target": "y_test", "model": "clf", "features": "X_test"},
        "parameters": {"n_estimators": 200, "learning_rate": 1e-5, "airports": ["EWR", "NO", "on"], "window": None},
        "inputs": {"flights": "data/flights_*.parquet"},
        "notebook": "pipelines/flight_delay.ipynb",
    },
    "gate": ["roc_auc >= 0.68", "roc_auc >= champion - 0.005"],
    "endpoint": {"backend": "fastapi", "port": 8000},
}

WRITTEN = """\
# How the model is made: the promoted notebook, what it reads, what may be changed, what comes out.
pipeline:
  notebook: pipelines/flight_delay.ipynb
  inputs: {flights: data/flights_*.parquet}
  parameters: {n_estimators: 200, learning_rate: 1.0e-05, airports: [EWR, 'NO', on], window: null}
  outputs: {model: clf, features: X_test, target: y_test}

# What the model is, and the numbers by which it is judged; the first one leads.
evaluate: {task: classification, metrics: [roc_auc, log_loss]}

# What a new version must reach before it may serve; champion is the version that serves now.
gate:
  - roc_auc >= 0.68
  - roc_auc >= champion - 0.005

# Where it answers: POST /predict, GET /health/ready, GET /metrics.
endpoint: {backend: fastapi, port: 8000}

# When a new version is trained: by the clock (minute hour day month weekday) and on alerts.
retrain: {schedule: "0 3 * * 1", on: [drift, performance]}
"""


def test_it_reads_well() -> None:
    assert model_yaml(CONFIG) == WRITTEN


def test_it_loads(build: Any) -> None:
    root = build({"configs/models/flight_delay.yaml": None})
    write_model_yaml(root / "configs/models/flight_delay.yaml", CONFIG)
    model = load_project(root).models["flight_delay"]
    assert model.pipeline.parameters == CONFIG["pipeline"]["parameters"]
    assert model.retrain is not None
    assert model.retrain.schedule == "0 3 * * 1"


def test_nothing_is_overwritten_unless_told(tmp_path: Path) -> None:
    path = tmp_path / "configs" / "models" / "m.yaml"
    write_model_yaml(path, CONFIG)
    with pytest.raises(UsageError, match="exists already"):
        write_model_yaml(path, {"owner": "me"})
    assert path.read_text() == WRITTEN
    write_model_yaml(path, {"owner": "me"}, overwrite=True)
    assert path.read_text() == "owner: me\n"
    assert [p.name for p in path.parent.iterdir()] == ["m.yaml"], "no temporary file stays"


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, {1, 2}, "\x00", "${oc.env:HOME}", "\ud800", {"<<": 1}, 1 << 70],
    ids=repr,
)
def test_what_cannot_be_read_back_is_not_written(tmp_path: Path, value: Any) -> None:
    with pytest.raises(SpecError, match="cannot be written as YAML"):
        write_model_yaml(tmp_path / "m.yaml", {"pipeline": {"parameters": {"p": value}}})
    assert not list(tmp_path.iterdir())


def test_long_things_are_broken_into_lines() -> None:
    text = model_yaml({"pipeline": {"parameters": {"names": [f"name_{n}" for n in range(40)], "text": "x y " * 60}}})
    assert "      - name_7\n" in text


PLAIN = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufeff\ufffe\uffff"))
SCALARS = PLAIN | st.integers(-(1 << 62), 1 << 62) | st.floats(allow_nan=False, allow_infinity=False) | st.booleans()
ODD = st.sampled_from(
    ["on", "Off", "no", "Y", "~", "null", "1e5", "0o17", "0x1f", "007", "1_000", "1:30", "2013-01-01", ".5", "+1",
     "=", "<<", "*x", "&x", "!x", "%", "@x", "`", "a: b", "a #b", "- a", "? a", "'", '"', "\\",
     "[", "{}", "", " a ", "a\nb", "\t", "\u2028", "🛫"]
)  # fmt: skip
KEYS = st.sampled_from(["a", "b", "on", "y", "1"])
VALUES = st.recursive(
    SCALARS | ODD | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=100)
@given(st.dictionaries(ODD.filter(lambda key: key != "<<") | PLAIN.filter(lambda key: key != "<<"), VALUES, max_size=4))
def test_xn2_any_value_comes_back_equal(parameters: dict[str, Any]) -> None:
    if "${" in repr(parameters):
        return
    config = {"description": "x", "pipeline": {"parameters": parameters}}
    text = model_yaml(config)
    assert parse(text.encode(), Path("m.yaml")).values == config
    assert list(yaml.safe_load(text)) == ["description", "pipeline"], "a plain YAML reader sees the same sections"
