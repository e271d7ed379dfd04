"""W&B as a project's tracker: what `mvops apply` has written is decoded from the files that `wandb sync` would send."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from toy_project import cached, edit, mvops
from wandb_file import runs_in

pytestmark = [
    pytest.mark.system,
    pytest.mark.xdist_group("cli-wandb"),
    pytest.mark.real("trackers", "wandb", "a project through the command line, decoded from its offline runs"),
]


@pytest.fixture
def tracked(applied: Path, tmp_path: Path) -> Path:
    """The toy project before its first apply, its steps in the cache, with W&B as its tracker."""
    pytest.importorskip("wandb", reason="needs wandb")
    root = cached(applied, tmp_path / "toy")
    edit(root / "configs/project.yaml", "  - _self_", "  - trackers: wandb\n  - _self_")
    edit(root / "configs/project.yaml", "project: toy", "project: toy\ncapabilities: {tracking: true}")
    return root


def test_apply_writes_run_version_and_champion_and_nothing_twice(tracked: Path) -> None:
    said = mvops(tracked, "apply", "--yes").ok().out
    assert "tracker.toy" in said
    mvops(tracked, "plan", "--detailed-exitcode").ok(0)
    found = runs_in(tracked / ".mvops/wandb")
    version = mvops(tracked, "versions", "show", "toy", "1", "--json").ok().json()
    folder, run = found[version["run"]]
    assert (run.project, run.exit_code) == ("toy", 0)
    assert run.config["C"] == 1.0
    assert run.config["mvops"]["data"] == version["data"]
    assert run.metrics == pytest.approx(version["metrics"])
    assert "notebooks/train.ipynb" in run.files
    assert (folder / "files/notebooks/train.ipynb").is_file()
    (told,) = found["toy-version-1"][1].artifacts
    assert (told.name, told.type, set(told.aliases)) == ("toy", "model", {"latest", "version-1"})
    assert {entry.path for entry in told.manifest.contents} == {"model.skops", "requirements.txt"}
    (champion,) = found["toy-version-1-champion"][1].artifacts
    assert set(champion.aliases) == {"latest", "version-1", "champion"}
    assert champion.digest == told.digest  # so that W&B moves the alias, and makes no other version
    mvops(tracked, "apply", "--yes").ok()
    assert runs_in(tracked / ".mvops/wandb").keys() == found.keys()


def test_a_place_that_cannot_be_written_to_fails_that_one_action_and_is_made_up_for(tracked: Path) -> None:
    place = tracked / ".mvops/wandb"
    place.write_text("in the way")
    refused = mvops(tracked, "apply", "--yes")
    assert refused.code == 1
    assert "the tracker 'wandb' cannot write to" in refused.out + refused.err
    assert mvops(tracked, "status", "--json").ok().json()["models"][0]["champion"] == 1
    place.unlink()
    mvops(tracked, "apply", "--yes").ok()
    mvops(tracked, "plan", "--detailed-exitcode").ok(0)
    assert "toy-version-1" in runs_in(place)


def test_runs_that_were_sent_and_cleaned_away_are_not_written_again(tracked: Path) -> None:
    mvops(tracked, "apply", "--yes").ok()
    shutil.rmtree(tracked / ".mvops/wandb/wandb")  # as `wandb sync --clean` does
    mvops(tracked, "plan", "--detailed-exitcode").ok(0)
