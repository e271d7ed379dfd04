"""The small presets: each adds to the one before, and is short enough to be read."""

from __future__ import annotations

from typing import Any

import pytest

from mvops import assets
from mvops.core.config.project import Project
from mvops.loading.load import load_project
from mvops.rendering import render_folder

PHASES = ["day_30", "day_60", "day_90"]


def loaded(build: Any, phase: str) -> Project:
    return load_project(build(), [f"preset=small/{phase}"])


def test_capabilities_are_only_ever_added(build: Any) -> None:
    on = [{name for name, value in loaded(build, phase).capabilities if value} for phase in PHASES]
    assert on[0] == {"monitoring", "versioning", "serving"}
    assert on[0] <= on[1] <= on[2]
    assert on[2] == {"monitoring", "versioning", "serving", "retraining", "canary"}


@pytest.mark.parametrize("phase", PHASES)
def test_each_monitors_and_tells_somebody(build: Any, phase: str) -> None:
    project = loaded(build, phase)
    model = project.models["flight_delay"]
    assert project.preset == f"small/{phase}"
    assert model.endpoint is not None
    assert model.monitor is not None
    assert model.monitor.alerts == ("ops",)
    assert project.notifiers["ops"].backend == "console"


def test_the_last_retrains_weekly_by_canary(build: Any) -> None:
    model = loaded(build, "day_90").models["flight_delay"]
    assert model.retrain is not None
    assert model.retrain.schedule == "0 3 * * 1"
    assert model.retrain.on == ("drift", "performance")
    assert (model.rollout.strategy, model.rollout.steps) == ("canary", (5, 25, 100))
    assert model.rollout.abort.drift == "alert"
    assert loaded(build, "day_60").models["flight_delay"].retrain is None


@pytest.mark.parametrize("path", sorted(assets.configs().rglob("*.yaml")), ids=lambda path: path.stem)
def test_each_is_read_in_one_screen(path: Any) -> None:
    lines = path.read_text().splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 120
    assert lines[0].startswith("# @package ")
    assert any(line.startswith("# ") and ". " in f"{line} " for line in lines), "says in words what it is"


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize(("example", "port"), [(None, 8000), (None, 9000), ("flights", 9000)])
def test_the_template_of_a_project_loads(build: Any, phase: str, example: str | None, port: int) -> None:
    context = {"project": "flights", "preset": f"small/{phase}", "team": "small", "phase": phase}
    texts = render_folder("project", context | {"example": example, "port": port})
    assert set(texts) == {"README.md", "gitignore", "project.yaml"}
    assert ".mvops/" in texts["gitignore"].splitlines()
    assert f"`small/{phase}`" in texts["README.md"]
    project = load_project(build({"configs/project.yaml": texts["project.yaml"]}))
    assert (project.project, project.preset) == ("flights", f"small/{phase}")
    assert project.registry == Project.model_fields["registry"].default
    endpoint = project.models["flight_delay"].endpoint
    assert endpoint is not None
    assert endpoint.port == port
