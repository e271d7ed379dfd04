"""Several notebooks as one pipeline: `pipeline: {notebooks: [...]}`."""

from __future__ import annotations

from pathlib import Path

import pytest
from several import make_several, ran, rewrite
from toy_project import copy, edit, mvops

STEPS = ["names", "load", "features", "split", "fit"]


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_several(tmp_path_factory.mktemp("several") / "several")
    mvops(root, "apply", "-y").ok()
    return root


@pytest.fixture
def project(applied: Path, tmp_path: Path) -> Path:
    return copy(applied, tmp_path / "several")


def test_three_notebooks_are_applied_as_one_pipeline(applied: Path) -> None:
    assert "Nothing to do" in mvops(applied, "plan").ok().out
    assert (applied / "work/clean.parquet").exists()
    assert (applied / "train/table.parquet").exists()
    assert ran(applied) == dict.fromkeys(STEPS, "cached")
    shown = mvops(applied, "versions", "show", "toy", "1").ok().out
    assert "work/01_load.ipynb, work/02_features.ipynb, train/03_train.ipynb" in shown


@pytest.mark.system
def test_a_version_made_of_several_notebooks_is_made_again(applied: Path) -> None:
    again = mvops(applied, "reproduce", "toy@1", "--json").ok().json()
    assert again["verdict"] == "equal", again


def test_a_step_runs_again_for_what_it_is_made_of_and_for_files_that_come_before_it(project: Path) -> None:
    rewrite(project / "train/03_train.ipynb", "C=C)", "C=C, max_iter=500)")
    told = mvops(project, "plan").ok().out
    assert "train/03_train.ipynb, cell 4 (fit)" in told, told
    assert "split     from the cache" in told, told
    rewrite(project / "work/02_features.ipynb", "table.to_parquet", "table = table[table.age > 20]\ntable.to_parquet")
    told = mvops(project, "plan").ok().out
    assert "work/02_features.ipynb, cell 1 (features)" in told, told
    assert "load      from the cache" in told, told
    assert "split     runs: a step before it changed" in told, told
    rewrite(project / "train/03_train.ipynb", "C=C, ", "C=Q, ")
    failed = mvops(project, "run", "toy").refused("train/03_train.ipynb", "Step 'fit' failed in cell 4")
    assert "03_train-fit-failed.ipynb" in failed.err
    rewrite(project / "train/03_train.ipynb", "C=Q, ", "C=C, ")
    mvops(project, "retrain", "toy").ok()
    (last,) = mvops(project, "runs", "list", "toy", "--json").ok().json()["runs"][:1]
    assert {step["step"]: step["status"] for step in last["steps"]} == {
        **dict.fromkeys(STEPS, "cached"),
        "fit": "succeeded",
    }


def test_a_file_that_is_not_as_a_step_left_it_is_written_again(project: Path) -> None:
    (project / "work/clean.parquet").write_bytes(b"somebody's")
    assert ran(project) == {**dict.fromkeys(STEPS, "cached"), "load": "succeeded"}
    (project / "train/table.parquet").unlink()
    mvops(project, "run", "toy", "--step", "split").refused("its files are not as it left them")
    assert ran(project) == {**dict.fromkeys(STEPS, "cached"), "features": "succeeded"}


def test_what_cannot_be_one_pipeline_is_refused_with_its_place(project: Path) -> None:
    rewrite(project / "train/03_train.ipynb", "C = 0.1", "C = 0.1\nkeep = 0.7")
    mvops(project, "plan").refused(
        "train/03_train.ipynb", "'keep' is 0.7 in cell 1, and 0.5 in cell 1 of 01_load.ipynb", "pipeline.parameters"
    )
    edit(project / "configs/models/toy.yaml", "{C: 1.0}", "{C: 1.0, keep: 0.7}")
    assert "keep" in mvops(project, "plan").ok().out
    edit(project / "train/03_train.ipynb", "step:split", "step:load")
    mvops(project, "plan").refused("Step 'load' is in cell 3, and in 01_load.ipynb too, in cell 4", "step:load_3")
    edit(project / "train/03_train.ipynb", "step:load", "step:split")
    edit(project / "configs/models/toy.yaml", "  notebooks:", "  notebook: work/01_load.ipynb\n  notebooks:")
    mvops(project, "plan").refused("configs/models/toy.yaml:", "give `notebook` or `notebooks`, not both")
