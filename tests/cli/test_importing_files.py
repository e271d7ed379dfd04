"""P29: a model's file and a notebook are taken over; what a pickle may do is done only where somebody trusts it."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import joblib
import pytest
import toy_project as toy
from sklearn.linear_model import LinearRegression, LogisticRegression
from skops import io as skops_io
from toy_project import edit, mvops, snapshot

HELD_OUT = ("--data", "data/held_out.csv", "--target", "y")


class Evil(LogisticRegression):
    """Unpickled, it leaves a file."""

    path = ""

    def __reduce__(self) -> Any:
        return Path.touch, (Path(self.path),)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project without a model, and beside it the models of somebody. Only to be copied."""
    folder = tmp_path_factory.mktemp("importing")
    mvops(folder, "init", "mine", "--team", "small", "--phase", "day_30", "--port", toy.free_port()).ok()
    frame = toy.rows(range(20))
    toy.rows(range(40, 60), seed=1).to_csv(folder / "mine/data/held_out.csv", index=False)
    theirs = folder / "theirs"
    theirs.mkdir()
    model = LogisticRegression().fit(frame[["age", "income"]], frame.y)
    skops_io.dump(model, theirs / "Churn 2.skops")
    joblib.dump(model, theirs / "churn.joblib", compress=3)
    (theirs / "price.pkl").write_bytes(pickle.dumps(LinearRegression().fit(frame[["age"]], frame.income)))
    evil = Evil().fit(frame[["age"]], frame.y)
    evil.path = str(theirs / "harm")
    (theirs / "evil.skops").write_bytes(pickle.dumps(evil))
    (theirs / "evil.pkl").write_bytes(pickle.dumps(evil))
    return folder


@pytest.fixture
def mine(made: Path, tmp_path: Path) -> Path:
    toy.copy(made, tmp_path / "all")
    return tmp_path / "all/mine"


def test_p29_a_file_of_a_model_becomes_a_pipeline_once(mine: Path) -> None:
    mvops(mine, "import", "../theirs/evil.skops", *HELD_OUT).refused("is not a skops file")
    before = snapshot(mine)
    for name in ("evil.pkl", "churn.joblib", "price.pkl"):
        mvops(mine, "import", f"../theirs/{name}", *HELD_OUT).refused("is a pickle", "--trust-pickle")
    assert not (mine.parent / "theirs/harm").exists()
    mvops(mine, "import", "../theirs/Churn 2.skops").refused("which rows", "--data FILE --target COLUMN")
    mvops(mine, "import", "../theirs/Churn 2.skops", *HELD_OUT, "--name", "Churn").refused("--name: ", "--name churn")
    mvops(mine, "import", "../theirs/none.skops").refused(
        "names nothing that can be taken over: there is no such file", "MODEL.skops", "dvc.yaml"
    )
    assert snapshot(mine) == before

    said = mvops(mine, "import", "../theirs/Churn 2.skops", *HELD_OUT).ok().out
    assert "is churn_2 here: models/churn_2.skops, pipelines/churn_2.ipynb, configs/models/churn_2.yaml" in said
    assert "nothing is registered or served yet" in said
    assert (mine / "models/churn_2.skops").read_bytes() == (mine.parent / "theirs/Churn 2.skops").read_bytes()
    done = mvops(mine, "import", "../theirs/churn.joblib", *HELD_OUT, "--trust-pickle", "--json").ok().json()
    assert (done["model"], done["already"]) == ("churn", False)
    mvops(mine, "import", "../theirs/price.pkl", *HELD_OUT[:3], "income", "--trust-pickle").ok()
    assert "metrics: [rmse, mae]" in (mine / "configs/models/price.yaml").read_text()

    was = snapshot(mine)
    for again in ("churn.joblib", "Churn 2.skops"):
        told = mvops(mine, "import", f"../theirs/{again}", *HELD_OUT).ok().out  # a pickle is not even loaded
        assert "here already: nothing to do" in told
    assert snapshot(mine) == was
    (mine.parent / "theirs/churn.joblib").write_bytes((mine.parent / "theirs/price.pkl").read_bytes())
    told = mvops(mine, "import", "../theirs/churn.joblib", *HELD_OUT[:3], "income", "--trust-pickle").ok().out
    assert "takes the place of the one that was imported before" in told
    assert snapshot(mine)["configs/models/churn.yaml"] == was["configs/models/churn.yaml"]

    (mine / "configs/models/price.yaml").unlink()  # killed before it wrote the YAML
    mvops(mine, "import", "../theirs/price.pkl", *HELD_OUT[:3], "income", "--trust-pickle").ok()
    assert (mine / "configs/models/price.yaml").is_file()
    for outside in ("../mine.csv", "/etc/passwd"):
        (mine.parent / "mine.csv").write_text("y\n1\n")
        refused = mvops(mine, "import", "../theirs/Churn 2.skops", "--data", outside, "--target", "y")
        refused.refused(f"there are no rows in {outside}", "of the project")
    edit(mine / "pipelines/churn.ipynb", "import pandas as pd", "import pandas as pd  # mine")
    was = snapshot(mine)
    mvops(mine, "import", "../theirs/price.pkl", *HELD_OUT, "--trust-pickle", "--name", "churn").refused(
        "pipelines/churn.ipynb is not as `mvops import` made it"
    )
    assert snapshot(mine) == was


def test_p29_a_notebook_is_promoted(mine: Path) -> None:
    cells = dict.fromkeys(toy.CELLS, ())
    toy.write_notebook(mine / "notebooks/Leavers.ipynb", cells)
    toy.rows(range(30)).to_csv(mine / "data/d.csv", index=False)
    promoted = mvops(mine, "promote", "notebooks/Leavers.ipynb", "--name", "other", "--json").ok().json()
    done = mvops(mine, "import", "notebooks/Leavers.ipynb", "--json").ok().json()
    assert done["files"] == ["pipelines/leavers.ipynb", "configs/models/leavers.yaml"]
    assert done["after"][0] == "mvops promote notebooks/Leavers.ipynb --name leavers --force --verify"
    assert done["missing"] == promoted["missing"] == []
    ours, theirs = ((mine / f"configs/models/{name}.yaml").read_text() for name in ("leavers", "other"))
    theirs = theirs.replace("other", "leavers")
    assert ours.partition("\n# Where it answers")[0].strip() == theirs.partition("\n# Where it answers")[0].strip()
    cells_of = [json.loads((mine / f"pipelines/{name}.ipynb").read_text())["cells"] for name in ("leavers", "other")]
    assert cells_of[0] == cells_of[1]
    before = snapshot(mine)
    again = mvops(mine, "import", "notebooks/Leavers.ipynb").ok().out
    assert "notebooks/Leavers.ipynb is the pipeline of leavers here already: nothing to do" in again
    pipeline = (mine / "pipelines/leavers.ipynb").read_text()
    edit(mine / "pipelines/leavers.ipynb", "import pandas as pd", "import pandas as pd  # mine")
    mvops(mine, "import", "notebooks/Leavers.ipynb").refused("there is a model leavers already", "--name NAME")
    (mine / "pipelines/leavers.ipynb").write_text(pipeline)
    (mine / "configs/models/leavers.yaml").unlink()  # as one that was killed before it wrote the YAML leaves it
    mvops(mine, "import", "notebooks/Leavers.ipynb").ok()
    assert snapshot(mine) == before
    (mine / "notebooks/empty.ipynb").write_text("{}")
    mvops(mine, "import", "notebooks/empty.ipynb").refused("notebook")
    assert {k: v for k, v in snapshot(mine).items() if "empty" not in k} == before
