"""The nine presets: each adds to the one before, and is short enough to be read."""

from __future__ import annotations

from typing import Any

import pytest

from mvops import assets
from mvops.core.cells import PHASES, TEAMS
from mvops.core.config.project import Project
from mvops.loading.load import load_project
from mvops.rendering import render_folder
from mvops.usecases.init import presets

CELLS = [f"{team}/{phase}" for team in TEAMS for phase in PHASES]


def gated(build: Any) -> dict[str, str]:
    """A model with a gate, as governance asks for one."""
    return {"configs/models/flight_delay.yaml": build.model + "gate: [roc_auc >= champion - 0.005]\n"}


def loaded(build: Any, cell: str) -> Project:
    return load_project(build(gated(build)), [f"preset={cell}"])


def switched_on(project: Project) -> set[str]:
    return {name for name, value in project.capabilities if value}


def test_the_table_is_the_presets_that_come_with_mvops() -> None:
    assert sorted(presets()) == sorted(CELLS)


@pytest.mark.parametrize("team", TEAMS)
def test_capabilities_are_only_ever_added(build: Any, team: str) -> None:
    on = [switched_on(loaded(build, f"{team}/{phase}")) for phase in PHASES]
    assert {"monitoring", "versioning", "serving"} <= on[0]
    assert on[0] <= on[1] <= on[2]
    assert {"retraining", "canary"} <= on[2]
    assert "canary" not in on[1]


def test_growing_into_a_larger_team_loses_nothing(build: Any) -> None:
    last = [switched_on(loaded(build, f"{team}/day_90")) for team in TEAMS]
    assert last[0] <= last[1] <= last[2]


@pytest.mark.parametrize("cell", CELLS)
def test_each_monitors_and_tells_somebody(build: Any, cell: str) -> None:
    project = loaded(build, cell)
    model = project.models["flight_delay"]
    assert project.preset == cell
    assert model.endpoint is not None
    assert model.monitor is not None
    assert model.monitor.alerts == ("ops",)
    assert project.notifiers["ops"].backend == "console"


def test_the_last_retrains_weekly_by_canary(build: Any) -> None:
    model = loaded(build, "small/day_90").models["flight_delay"]
    assert model.retrain is not None
    assert model.retrain.schedule == "0 3 * * 1"
    assert model.retrain.on == ("drift", "performance")
    assert (model.rollout.strategy, model.rollout.steps) == ("canary", (5, 25, 100))
    assert model.rollout.abort.drift == "alert"
    assert loaded(build, "small/day_60").models["flight_delay"].retrain is None


@pytest.mark.parametrize("path", sorted(assets.configs().rglob("*.yaml")), ids=lambda path: path.stem)
def test_each_is_read_in_one_screen(path: Any) -> None:
    lines = path.read_text().splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 120
    assert lines[0].startswith("# @package ")
    assert any(line.startswith("# ") and ". " in f"{line} " for line in lines), "says in words what it is"


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("example", "port"), [(None, 8000), (None, 9000), ("flights", 9000)])
def test_the_template_of_a_project_loads(build: Any, cell: str, example: str | None, port: int) -> None:
    team, phase = cell.split("/")
    context = {"project": "flights", "preset": cell, "team": team, "phase": phase}
    texts = render_folder("project", context | {"example": example, "port": port})
    assert set(texts) == {"README.md", "gitignore", "project.yaml"}
    assert ".mvops/" in texts["gitignore"].splitlines()
    assert f"`{cell}`" in texts["README.md"]
    project = load_project(build({"configs/project.yaml": texts["project.yaml"], **gated(build)}))
    assert (project.project, project.preset) == ("flights", cell)
    assert project.registry == Project.model_fields["registry"].default
    endpoint = project.models["flight_delay"].endpoint
    assert endpoint is not None
    assert endpoint.port == port
