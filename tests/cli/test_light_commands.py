"""What is typed many times a day loads none of the libraries that only training and evaluating need."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from toy_project import Result, edit, mvops, typed

pytestmark = pytest.mark.xdist_group("cli-toy")
TIMED = (sys.executable, "-X", "importtime", "-m", "mvops")


def loaded(said: Result) -> set[str]:
    found = {line.rpartition("|")[2].strip() for line in said.err.splitlines() if line.startswith("import time:")}
    assert "mvops.cli.app" in found
    return found


def heavy(said: Result) -> set[str]:
    return loaded(said) & {"pandas", "sklearn", "scipy"}


@pytest.mark.parametrize("arguments", ["plan", "status", "maturity", "run toy --step load"])
def test_no_pandas_and_no_scikit_learn(project: Path, arguments: str) -> None:
    assert heavy(typed(project, *arguments.split(), command=TIMED).ok()) == set()


def test_a_step_that_is_run_loads_nothing_that_it_can_do_without(project: Path) -> None:
    done = loaded(typed(project, "run", "toy", "--step", "load", "--no-cache", command=TIMED).ok())
    assert "papermill.execute" in done
    assert done & {"botocore", "lark", "pandas", "pyarrow.lib"} == set()


def test_a_run_that_made_what_an_earlier_one_made_is_not_evaluated_again(project: Path) -> None:
    """Unless it is asked for, or is judged in another way."""
    mvops(project, "run", "toy").ok()
    before = mvops(project, "runs", "list", "toy", "--json").ok().json()["runs"][0]["metrics"]
    again = typed(project, "run", "toy", command=TIMED).ok()
    assert heavy(again) == set()
    assert loaded(again) & {"numpy", "sqlalchemy", "sqlmodel"} == set()
    assert f"roc_auc={before['roc_auc']:.4f} log_loss={before['log_loss']:.4f}" in again.out
    edit(project / "configs/models/toy.yaml", "[roc_auc, log_loss]", "[roc_auc, accuracy]")
    assert "accuracy=" in mvops(project, "run", "toy").ok().out
    assert mvops(project, "runs", "list", "toy", "--json").ok().json()["runs"][1]["metrics"] == before
