"""The schemas accept what loads and refuse what an editor can know to be wrong."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from mvops import assets
from mvops.core.config.model import Model
from mvops.core.config.project import Project
from mvops.loading.schema import json_schemas
from mvops.loading.strict_yaml import parse

CASES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))
SCHEMAS = json_schemas()

FULL = {
    "pipeline": {
        "notebook": "a.ipynb",
        "outputs": {"model": "m", "features": "X", "target": "y"},
        "timeout": "90s",
        "memory": "1.5 GB",
    },
    "evaluate": {"task": "classification", "metrics": ["roc_auc", "log_loss"]},
    "gate": ["roc_auc >= 0.68", "roc_auc >= champion - 0.005", "log_loss <= champion * 1.02", "log_loss <= champion"],
    "endpoint": {"port": 8000},
    "rollout": {
        "strategy": "canary",
        "hold": "30 m",
        "abort": {"latency_p99": "2x", "error_rate": None, "drift": False},
    },
    "monitor": {"every": "1.5h", "false_alarms": "1 per 30d", "outcomes": {"delay": "2d"}, "alerts": ["ops"]},
    "retrain": {"schedule": "0 3 * * 1", "on": ["drift"]},
}


def errors(name: str, values: Any) -> list[str]:
    return [error.message for error in jsonschema.Draft7Validator(SCHEMAS[name]).iter_errors(values)]


@pytest.mark.parametrize("name", ["project", "model", "features", "env"])
def test_they_are_schemas_and_complete_in_themselves(name: str) -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMAS[name])
    assert SCHEMAS[name]["title"] == f"mvops {name}"
    used = set(re.findall(r"#/\$defs/(\w+)", repr(SCHEMAS[name])))
    assert used <= set(SCHEMAS[name]["$defs"])


def test_every_section_is_described() -> None:
    sections = {**SCHEMAS["project"]["$defs"], "project": SCHEMAS["project"]}
    assert [name for name, made in sections.items() if name != "JsonValue" and not made.get("description")] == []
    assert set(SCHEMAS["model"]["properties"]) == set(Model.model_fields)
    expected = (set(Project.model_fields) - {"preset", "environment"}) | {"defaults", "model_defaults"}
    assert set(SCHEMAS["project"]["properties"]) == expected


def test_a_full_model_is_accepted_by_both() -> None:
    Model.model_validate(FULL)
    assert errors("model", FULL) == []
    assert errors("model", {}) == [], "model_defaults may bring everything"
    assert errors("model", FULL | {"endpoint": None}) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"montior": {}},
        {"monitor": {"every": "1 fortnight"}},
        {"monitor": {"every": 24}},
        {"retrain": {"cooldown": 24}},
        {"monitor": {"false_alarms": "often"}},
        {"rollout": {"abort": {"latency_p99": "double"}}},
        {"gate": ["roc_auc is good"]},
        {"gate": "roc_auc >= 0.68"},
        {"endpoint": {"port": 0}},
        {"endpoint": {"backend": "Fast API"}},
        {"evaluate": {"task": "clustering"}},
        {"retrain": {"on": ["thursday"]}},
    ],
    ids=str,
)
def test_what_is_wrong_is_refused_by_both(wrong: dict[str, Any]) -> None:
    assert errors("model", wrong) != []
    with pytest.raises(ValueError, match="validation error"):
        Model.model_validate(FULL | wrong)


def test_a_project() -> None:
    project = {"defaults": [{"preset": "small/day_30"}, "_self_"], "project": "flights"}
    assert errors("project", project) == []
    assert errors("project", project | {"model_defaults": {"monitor": {"every": "1h"}}, "models": {"m": FULL}}) == []
    assert errors("project", project | {"notifiers": {"ops": {"backend": "console"}}}) == []
    assert errors("project", project | {"model_defaults": {"monitor": {"evry": "1h"}}}) != []
    assert errors("project", project | {"preset": "small/day_30"}) != []
    assert errors("project", {"project": "flights"}) != []


def test_an_environment_says_only_what_differs() -> None:
    assert errors("env", {"models": {"m": {"endpoint": {"port": 8100}}}, "features": {"v": {"ttl": "1d"}}}) == []
    assert errors("env", {"registry": "postgresql://db/staging", "model_defaults": {"monitor": {"every": "1h"}}}) == []
    assert errors("env", {"models": {"m": {"endpoint": {"prot": 8100}}}}) != []
    assert errors("env", {"environment": "staging"}) != []


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_whatever_loads_is_accepted(path: Path) -> None:
    case = yaml.safe_load(path.read_text(encoding="utf-8"))
    if "loads" not in case:
        return
    for kind in ("project", "model"):
        if case.get(kind) and "${" not in case[kind]:
            assert errors(kind, parse(case[kind].encode(), path).values) == []


@pytest.mark.parametrize("phase", ["day_30", "day_60", "day_90"])
def test_a_preset_could_stand_in_a_project(phase: str) -> None:
    file = assets.configs() / "preset" / "small" / f"{phase}.yaml"
    values = {key: value for key, value in parse(file.read_bytes(), file).values.items() if key != "preset"}
    assert errors("project", {"defaults": []} | values | {"project": "x"}) == []
