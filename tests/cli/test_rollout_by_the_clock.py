"""`rollout.every`: a job of the scheduler's that looks at a rollout, and says nothing while there is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from toy_project import edit, mvops

pytestmark = pytest.mark.xdist_group("cli-toy")


def test_the_scheduler_looks_at_rollouts_as_often_as_is_said(project: Path) -> None:
    assert "rollout_toy" not in mvops(project, "schedule", "list").ok().out
    edit(project / "configs/models/toy.yaml", "rollout: {hold: 1s", "rollout: {every: 5m, hold: 1s")
    plan = mvops(project, "plan").ok().out
    assert "rollout_toy: not run -> */5 * * * *" in plan
    assert "model.toy" not in plan, "nothing of the model itself changes"
    mvops(project, "apply", "--yes").ok()
    lines = (project / "deploy/schedules/toy/crontab").read_text().splitlines()
    assert [line.startswith("*/5 * * * * ") for line in lines if "rollout status toy" in line] == [True]

    said = mvops(project, "schedule", "run", "--job", "rollout_toy").ok().out
    assert "toy: nothing is rolling out." in said
    assert "rollout_toy" not in mvops(project, "history", "toy").ok().out, "it would fill the history"
    without = mvops(project, "plan", "models.toy.rollout.strategy=replace").ok().out
    assert "rollout_toy: */5 * * * * -> not run" in without
    on_github = mvops(project, "plan", "scheduler.backend=github_actions").ok().out
    assert "rollout_toy: */5 * * * * -> not run" in on_github, "a machine of its own has no endpoint"
    assert "mvops_rollout_toy.yml" not in on_github
