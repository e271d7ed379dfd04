"""How near to each other two numbers are the same, when a promotion is proved."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from toy_project import mvops, rows, write_notebook

import mvops as api

# The cell has another number among those that its kernel runs when it is promoted.
NEARLY: dict[str, tuple[str, ...]] = {
    """
    import pandas as pd
    from sklearn.linear_model import LinearRegression
    df = pd.read_csv("../data/d.csv")
    """: (),
    "nearly = 1 + 1e-7 * get_ipython().execution_count": (),
    """
    train, test = df[:150], df[150:]
    model = LinearRegression().fit(train[["age", "income"]], train.y * nearly)
    """: (),
    'print("r2", model.score(test[["age", "income"]], test.y) * nearly)': (),
}


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A project with the notebook, without a model."""
    mvops(tmp_path, "init", "p", "--team", "small", "--phase", "day_30").ok()
    rows(range(2)).to_csv(tmp_path / "p/data/d.csv", index=False)
    write_notebook(tmp_path / "p/notebooks/work.ipynb", NEARLY)
    return tmp_path / "p"


def test_a_tolerance_is_refused_before_anything_is_written(small: Path) -> None:
    refused = mvops(small, "promote", "notebooks/work.ipynb", "--verify", "--tolerance", "nan")
    refused.refused("the tolerance nan is no relative difference", "Such as 1e-6")
    mvops(small, "promote", "notebooks/work.ipynb", "--tolerance", "1e-6").refused("--verify")
    assert list((small / "pipelines").glob("*.ipynb")) == []


@pytest.mark.system
def test_numbers_that_differ_by_rounding_are_the_same_within_a_tolerance(small: Path) -> None:
    made = api.promote("notebooks/work.ipynb", small, split="none")
    proof = api.verify(made, small)
    assert (proof.verdict, proof.tolerance) == ("different", 1e-9)
    assert [difference.cell for difference in proof.differences] == [4]
    assert proof.predictions.different == proof.predictions.rows == 50
    again = ("promote", "notebooks/work.ipynb", "--force", "--split", "none", "--verify", "--tolerance", "1e-3")
    told = mvops(small, *again).ok().out
    assert "EQUAL: the promoted pipeline shows the same numbers" in told
    assert "numbers and predictions may differ by a relative 0.001" in told
    kept = small / ".mvops/reports/promotion-work.html"
    assert "may differ by a relative 0.001" in kept.read_text()
    found = json.loads(kept.with_suffix(".json").read_text())["verification"]
    assert (found["verdict"], found["tolerance"], found["metrics"][0]["equal"]) == ("equal", 1e-3, True)
