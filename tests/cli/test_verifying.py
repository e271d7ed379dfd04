"""`mvops.promote` and `mvops.verify` as they are typed in a notebook, and how near to each other is the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from toy_project import edit, mvops, rows, write_notebook

import mvops as api
from mvops.errors import NotebookError, UsageError

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


def test_a_notebook_is_promoted_from_python(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(small / "notebooks")
    made = api.promote("work.ipynb", split="none")
    assert (made.name, made.notebook, made.config) == ("work", "pipelines/work.ipynb", "configs/models/work.yaml")
    assert made.found.config["pipeline"]["inputs"] == {"d_path": "data/d.csv"}
    assert (small / made.notebook).is_file()
    assert "pipeline.work" in {str(action.address) for action in api.plan().pending()}
    with pytest.raises(UsageError, match="there is a model work already"):
        api.promote("work.ipynb")
    assert api.promote("work.ipynb", name="other").name == "other"
    assert api.promote("work.ipynb", force=True).replaced
    with pytest.raises(NotebookError, match=r"there is no notebook wrok\.ipynb") as refused:
        api.promote("wrok.ipynb")
    assert "notebooks/work.ipynb" in str(refused.value.hint)
    for tolerance in (-1.0, float("nan"), float("inf"), 1):
        with pytest.raises(UsageError, match="is no relative difference"):
            api.verify(made, tolerance=tolerance)


def test_a_tolerance_is_refused_before_anything_is_written(small: Path) -> None:
    refused = mvops(small, "promote", "notebooks/work.ipynb", "--verify", "--tolerance", "nan")
    refused.refused("the tolerance nan is no relative difference", "Such as 1e-6")
    mvops(small, "promote", "notebooks/work.ipynb", "--tolerance", "1e-6").refused("--verify")
    assert list((small / "pipelines").glob("*.ipynb")) == []


@pytest.mark.system
def test_a_file_that_is_there_from_the_projects_folder_only_is_told_with_the_path_that_works(small: Path) -> None:
    edit(small / "notebooks/work.ipynb", "../data/d.csv", "data/d.csv")
    told = "Cell 1 reads 'data/d.csv', which is there from the project's folder, but a notebook runs in its own: "
    refused = mvops(small, "promote", "notebooks/work.ipynb", "--verify").refused("The original notebook does not run")
    assert f"{told}write '../data/d.csv' in the notebook and promote it again." in refused.out + refused.err
    checked = mvops(small, "promote", "notebooks/work.ipynb", "--check").out
    assert (
        "From the notebook's folder, where it runs, it is '../data/d.csv': write that, or change the path." in checked
    )


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
