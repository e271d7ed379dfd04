"""What the YAML may say, and the words with which it is refused."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mvops.core.config.gate import parse_condition
from mvops.core.config.model import Model
from mvops.core.config.project import Project
from mvops.core.cron import check_cron

SMALLEST: dict[str, Any] = {
    "pipeline": {"notebook": "pipelines/churn.ipynb", "outputs": {"model": "m", "features": "X", "target": "y"}},
    "evaluate": {"task": "classification", "metrics": ["roc_auc"]},
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """The smallest model with one value laid over it."""
    config = copy.deepcopy(SMALLEST)
    *sections, key = path.split(".")
    inner = config
    for section in sections:
        inner = inner.setdefault(section, {})
    inner[key] = value
    return config


def test_the_smallest_model_has_sensible_rest() -> None:
    model = Model.model_validate(SMALLEST)
    assert model.pipeline.timeout == timedelta(hours=1)
    assert (model.endpoint, model.monitor, model.retrain, model.gate) == (None, None, None, ())
    assert model.rollout.strategy == "replace"


def test_a_model_reads_back_from_what_it_dumps() -> None:
    full = SMALLEST | {
        "gate": ["roc_auc >= champion - 0.005"],
        "endpoint": {},
        "rollout": {"strategy": "canary", "abort": {"latency_p99": "2x"}},
        "monitor": {"every": "90m", "false_alarms": "2 per 7d", "alerts": ["ops"]},
        "retrain": {"schedule": "0 3 * * 1", "on": ["drift"]},
    }
    model = Model.model_validate(full)
    assert Model.model_validate(model.model_dump(mode="json")) == model
    assert model.model_dump(mode="json")["monitor"]["every"] == "90m"


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("evaluate.metrics", ["rmse"], "'rmse' is not a metric of classification; choose from accuracy,"),
        ("evaluate.metrics", [], "at least 1 item"),
        ("evaluate.metrics", ["auc"], "'roc_auc'"),
        ("rollout.steps", [25, 5, 100], "steps must rise and end at 100"),
        ("rollout.steps", [5, 5, 100], "steps must rise and end at 100"),
        ("rollout.steps", [5, 25], "steps must rise and end at 100"),
        ("rollout.steps", [], "steps must rise and end at 100"),
        ("rollout.steps", [0, 100], "greater than or equal to 1"),
        ("rollout.abort.error_rate", 1.5, "less than or equal to 1"),
        ("rollout.abort.latency_p99", "0x", "is not a ratio"),
        ("endpoint.port", 0, "greater than or equal to 1"),
        ("endpoint.host", 'x"""\nimport os', "is not a host"),
        ("endpoint.host", "", "is not a host"),
        ("endpoint.backend", "Fast API", "is not a name"),
        ("endpoint.deploy", ["swarm"], "'docker', 'compose', 'systemd' or 'kubernetes'"),
        ("endpoint.deploy", ["docker", "docker"], "'docker' stands there twice"),
        ("monitor.every", "0s", "is no time at all"),
        ("monitor.every", "fortnightly", "is not a duration"),
        ("monitor.effect", 0, "greater than 0"),
        ("monitor.false_alarms", "never", "is not a rate"),
        ("retrain.schedule", "@daily", "is not a cron schedule"),
        ("retrain.on", ["rain"], "'drift' or 'performance'"),
        ("gate", ["roc_auc above 0.7"], "is not a condition: write 'roc_auc >= 0.68'"),
        ("pipeline.timeout", "0m", "is no time at all"),
        ("pipeline.memory", "4", "is not an amount of memory: write a number and MB, GB, MiB or GiB"),
        ("montior", {}, "Extra inputs are not permitted"),
    ],
)
def test_what_is_wrong_is_said(path: str, value: object, message: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Model.model_validate(changed(path, value))
    assert message in str(refused.value)


def test_a_spec_does_not_change() -> None:
    model = Model.model_validate(SMALLEST)
    with pytest.raises(ValidationError, match="frozen"):
        model.owner = "somebody"  # type: ignore[misc]


def test_a_project_has_names() -> None:
    project = Project.model_validate({"project": "flights", "preset": "small/day_30", "models": {"churn": SMALLEST}})
    assert project.capabilities.serving
    assert list(project.models) == ["churn"]
    with pytest.raises(ValidationError, match="is not a name"):
        Project.model_validate({"project": "Flights!", "preset": "small/day_30"})
    with pytest.raises(ValidationError, match="is not a name"):
        Project.model_validate({"project": "flights", "preset": "small/day_30", "models": {"../x": SMALLEST}})


@pytest.mark.parametrize(
    ("text", "champion", "limit"),
    [
        ("roc_auc >= 0.68", None, 0.68),
        ("roc_auc >= 0.68", 0.9, 0.68),
        ("r2 > -0.5", None, -0.5),
        ("roc_auc >= champion", 0.7, 0.7),
        ("roc_auc >= champion - 0.005", 0.7, 0.695),
        ("roc_auc>=champion+0.01", 0.7, 0.71),
        ("log_loss <= champion * 1.02", 0.5, 0.51),
        ("log_loss < champion * 1.02", None, None),
    ],
)
def test_a_condition_knows_its_limit(text: str, champion: float | None, limit: float | None) -> None:
    condition = parse_condition(text)
    assert condition.limit(champion) == (None if limit is None else pytest.approx(limit))
    assert condition.relative == ("champion" in text)
    assert condition.text == text


@pytest.mark.parametrize(
    "text",
    ["", "roc_auc", "roc_auc = 1", "roc_auc => 1", "roc_auc >= ", "roc_auc >= best", "roc_auc >= champion / 2",
     "roc_auc >= 1 and f1 >= 1", "roc_auc >= 1e3", "champion - 1 >= roc_auc", "roc_auc >= champion -"],
)  # fmt: skip
def test_what_is_no_condition_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a condition: write 'roc_auc >= 0\.68' or"):
        parse_condition(text)


@pytest.mark.parametrize(
    "schedule", ["0 3 * * 1", "*/15 * * * *", "0 0,12 1-15 * 1-5", "0-59/7 * * * *", "59 23 31 12 7", "* * * * *"]
)
def test_cron_schedules(schedule: str) -> None:
    assert check_cron(schedule) == schedule


@pytest.mark.parametrize(
    "schedule",
    [
        "", "@daily", "@reboot id", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *",
        "* * * * 8", "5-1 * * * *", "*/0 * * * *", "*/ * * * *", "5/10 * * * *", "1-2-3 * * * *", "-1 * * * *",
        "* * * * MON", "*  * * * *", "* * * * *\n* * * * * root id", "* * * * *\n", "*\t* * * *", "% * * * *",
        "\u0661 * * * *", "\u00b2 * * * *", ", * * * *", "1, * * * *", "* * * * *;id",
    ],
)  # fmt: skip
def test_what_is_no_schedule_is_refused(schedule: str) -> None:
    with pytest.raises(ValueError, match=r"is not a cron schedule: .*write five fields such as '0 3"):
        check_cron(schedule)


def test_a_field_out_of_bounds_is_named() -> None:
    with pytest.raises(ValueError, match=r"the hour '25' is no .*number from 0 to 23"):
        check_cron("5 25 * * *")


@given(st.text(max_size=40))
def test_a_schedule_that_passes_is_five_fields_of_digits_and_marks(schedule: str) -> None:
    try:
        assert check_cron(schedule) == schedule
    except ValueError:
        return
    assert set(schedule) <= set("0123456789*/,- ")
    assert schedule.count(" ") == 4
