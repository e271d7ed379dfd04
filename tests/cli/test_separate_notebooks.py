"""`mvops promote A.ipynb B.ipynb C.ipynb`: several notebooks, each of which runs by itself, become one pipeline."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from separate import BOOKS, COPIES, make_separate
from several import rewrite
from toy_project import copy, edit, mvops, snapshot

import mvops as api


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the notebooks, promoted as the model toy. Only to be copied."""
    root = make_separate(tmp_path_factory.mktemp("separate") / "toy")
    said = mvops(root, "promote", *BOOKS, "--name", "toy").ok()
    assert "Promoted 01_load.ipynb, 02_train.ipynb, 03_judge.ipynb as the model toy" in said.out
    assert "Note        work/clean.parquet is handed on: 01_load.ipynb writes it (cell 3), 02_train" in said.out
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    return copy(made, tmp_path / "toy")


def test_several_are_promoted_into_one_model(root: Path) -> None:
    pipeline = yaml.safe_load((root / "configs/models/toy.yaml").read_text())["pipeline"]
    assert pipeline["notebooks"] == list(COPIES)
    assert pipeline["inputs"] == {"d_path": "data/d.csv"}
    parameters = {"keep": 0.9, "random_state": 3, "test_size": 0.3, "train_random_state": 4, "model_C": 0.5}
    assert pipeline["parameters"] == parameters
    held_out = {"model": "model", "features": "X_test", "target": "y_test"}
    assert pipeline["outputs"] == held_out | {"train_features": "train_features"}
    told = mvops(root, "plan", "--json").ok().json()
    assert "pipeline.toy" in json.dumps(told)
    again = ("promote", *BOOKS, "--name", "toy")
    mvops(root, *again).refused("there is a model toy already", "--force")
    fewer = mvops(root, "promote", *BOOKS[:2], "--name", "toy", "--force", "--split", "none").ok()
    assert f"{COPIES[2]} is the pipeline of toy no more" in fewer.out + fewer.err
    made = api.promote([root / book for book in BOOKS], root, name="other", split="none")
    assert made.notebooks == tuple(each.replace("toy_", "other_") for each in COPIES)
    assert made.found.steps == ["load", "train", "judge"]
    assert "notebook" not in made.as_json()


def test_what_is_no_pipeline_is_refused_and_nothing_is_written(root: Path) -> None:
    load, train, judge = BOOKS
    (root / "work/in_r.ipynb").write_text(
        json.dumps({"nbformat": 4, "nbformat_minor": 5, "cells": [], "metadata": {"kernelspec": {"name": "ir"}}})
    )
    before = snapshot(root)
    other = ("--name", "other")
    mvops(root, "promote", *BOOKS).refused("3 notebooks make one model, which needs a name", "--name NAME")
    mvops(root, "promote", load, train, f"work/../{load}", *other).refused(f"work/../{load} is named twice")
    mvops(root, "promote", load, "work/04_tell.ipynb", *other).refused("there is no notebook work/04_tell.ipynb")
    mvops(root, "promote", load, "work/in_r.ipynb", *other).refused("work/in_r.ipynb", "in_r.ipynb' ", "R")
    mvops(root, "promote", load, COPIES[1], *other).refused(COPIES[1], "promoted already")
    mvops(root, "promote", train, load, *other).refused(
        "work/02_train.ipynb",
        "Cell 2 reads work/clean.parquet, which only 01_load.ipynb writes, in cell 3, and that comes later",
        "01_load.ipynb before 02_train.ipynb",
    )
    rewrite(root / judge, "test[[", "rows[[")
    mvops(root, "promote", *BOOKS, *other).refused("judge/03_judge.ipynb", "Cell 2 uses `rows`")
    rewrite(root / judge, "rows[[", "test[[")
    after = snapshot(root)
    assert {path for path in after if after[path] != before.get(path)} <= {judge}


def test_check_tells_of_each_in_which_notebook_it_is(root: Path) -> None:
    said = mvops(root, "promote", *BOOKS, "--check").ok().out
    assert "03_judge.ipynb can be promoted as one pipeline: nothing was found." in said
    assert "steps load, train_load, train, evaluate, judge; model model, features X_test" in said
    rewrite(root / BOOKS[0], ", random_state=3", "")
    told = mvops(root, "promote", *BOOKS, "--check").ok().out
    assert "warning  unseeded: 01_load.ipynb: Cell 2 draws random numbers without a seed" in told
    (found,) = mvops(root, "promote", *BOOKS, "--check", "--json").ok().json()["findings"]
    assert (found["notebook"], found["cell"]) == ("01_load.ipynb", 2)
    told = mvops(root, "promote", *reversed(BOOKS), "--check").ok(1).out
    assert "error    not promotable: 03_judge.ipynb: Cell 2 reads judge/test.csv, which only 02_train.ipynb" in told
    rewrite(root / BOOKS[2], "test[[", "rows[[")
    told = mvops(root, "promote", *BOOKS, "--check").ok(1).out
    assert "error    undefined name: 03_judge.ipynb: Cell 2 uses `rows`" in told


def test_edits_of_any_original_are_merged_together(root: Path) -> None:
    assert mvops(root, "promote", BOOKS[1], "--update").ok().out.startswith("Nothing to do: 01_load.ipynb, 02_train")
    edit(root / "configs/models/toy.yaml", "model_C: 0.5}", "model_C: 0.25}  # ours")
    rewrite(root / COPIES[2], 'print(\\"auc\\"', 'print(\\"AUC\\"')
    rewrite(root / BOOKS[0], "frac=keep", "frac=keep / 2")
    rewrite(root / BOOKS[1], "C=0.5", "C=0.75, max_iter=500")
    notices = mvops(root, "plan", "--json").ok().json()["notices"]
    assert any("take it over: mvops promote work/02_train.ipynb --update" in each for each in notices)
    said = mvops(root, "promote", BOOKS[1], "--update").ok().out
    assert f"Merged 01_load.ipynb into {COPIES[0]}: cell 2 changed." in said
    assert f"Merged 02_train.ipynb into {COPIES[1]}: cell 3 changed." in said
    assert "03_judge" not in said
    assert "models.toy.pipeline.parameters.model_C stays 0.25" in said
    assert "models.toy.pipeline.parameters.max_iter (new) -> 500" in said
    assert "frac=keep / 2" in (root / COPIES[0]).read_text()
    mvops(root, "plan").ok()
    assert not any("has changed since" in each for each in mvops(root, "plan", "--json").ok().json()["notices"])


def test_a_conflict_in_one_notebook_changes_none(root: Path) -> None:
    rewrite(root / COPIES[2], "X_test, y_test = test", "X_test, y_test = test.dropna()")
    rewrite(root / BOOKS[2], "X_test, y_test = test", "X_test, y_test = test[:500]")
    rewrite(root / BOOKS[0], "frac=keep", "frac=keep / 2")
    before = snapshot(root)
    refused = mvops(root, "promote", *BOOKS, "--update").refused(
        f"{COPIES[2]}: a cell was changed both here and in {BOOKS[2]}; nothing was written"
    )
    assert f"{COPIES[2]}:\n" in refused.err
    assert "cell 4 was changed by hand, and in the original (cell 2 there)" in refused.err
    assert f"mvops promote {' '.join(BOOKS)} --update --on-conflict mine" in refused.err
    assert snapshot(root) == before
    mvops(root, "promote", BOOKS[0], "data/d.csv", "--update").refused("was not promoted yet")
    mvops(root, "promote", *BOOKS, "--update", "--on-conflict", "mine").ok()
    assert "test.dropna()" in (root / COPIES[2]).read_text()
    assert "frac=keep / 2" in (root / COPIES[0]).read_text()


@pytest.mark.system
def test_the_originals_run_in_order_against_the_pipeline(root: Path) -> None:
    again = ("promote", *BOOKS, "--name", "toy", "--force", "--verify", "--json")
    proof = mvops(root, *again).ok().json()["verification"]
    assert proof["verdict"] == "equal", proof
    assert proof["predictions"]["rows"] == 216
    assert {row["notebook"] for row in proof["metrics"]} == {"01_load.ipynb", "02_train.ipynb", "03_judge.ipynb"}
    assert {each["path"]: each["said"] for each in proof["files"]} == {
        "work/clean.parquet": "equal",
        "judge/test.csv": "equal",
        "judge/model.joblib": "other bytes",
    }
    mvops(root, "apply", "-y").ok()
    assert "Nothing to do" in mvops(root, "plan").ok().out


@pytest.mark.system
def test_a_model_of_several_is_retrained_by_the_clock_and_goes_back(root: Path) -> None:
    with (root / "configs/project.yaml").open("a") as file:
        file.write("scheduler: {backend: local}\ncapabilities: {retraining: true}\n")
    with (root / "configs/models/toy.yaml").open("a") as file:
        file.write('retrain: {schedule: "0 3 * * 1"}\n')
    mvops(root, "apply", "-y").ok()
    first = {book: (root / book).read_bytes() for book in COPIES}
    rewrite(root / COPIES[1], "C=model_C", "C=model_C, max_iter=500")
    rewrite(root / COPIES[2], "test[[", "test.dropna()[[")
    said = mvops(root, "schedule", "run", "--job", "retrain_toy").ok().out
    assert "retrain_toy: done in" in said
    (last,) = mvops(root, "runs", "list", "toy", "--json").ok().json()["runs"][:1]
    done = {step["step"]: step["status"] for step in last["steps"]}
    assert done == {
        "load": "cached",
        "train_load": "cached",
        "train": "succeeded",
        "evaluate": "succeeded",
        "judge": "succeeded",
    }
    mvops(root, "apply", "-y").ok()
    mvops(root, "rollback", "--project", "--yes").ok()
    assert {book: (root / book).read_bytes() for book in COPIES} == first
    versions = mvops(root, "versions", "list", "toy", "--json").ok().json()["versions"]
    assert [each["role"] for each in versions] == ["", "champion"], "newest first"
    assert "Nothing to do" in mvops(root, "plan").ok().out
