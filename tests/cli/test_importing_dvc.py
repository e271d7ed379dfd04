"""P29: of a pipeline of DVC, the stage that trains becomes the model's pipeline, and every other one is told."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import toy_project as toy
import yaml
from toy_project import edit, mvops, snapshot

PAPERMILL = "papermill notebooks/toy.ipynb out.ipynb -p data_path data/prepared.csv -p C ${train.C}"
PREPARE = "import pandas as pd\npd.read_csv('data/raw.csv').to_csv('data/prepared.csv', index=False)\n"
SCRIPT = "\n\n".join(textwrap.dedent(source).strip() for source in toy.CELLS).replace("../data", "data")
MODEL = "configs/models/toy.yaml"


def run(root: Path, *command: str) -> str:
    quiet = os.environ | {
        "DVC_NO_ANALYTICS": "1",
        "CI": "1",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    done = subprocess.run(command, cwd=root, env=quiet, capture_output=True, text=True, check=True, timeout=120)
    return done.stdout


def dvc(root: Path, *arguments: str) -> str:
    return run(root, sys.executable, "-m", "dvc", *arguments)


def stages(root: Path, **said: object) -> None:
    (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": said}))


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A project without a model, and what a team with DVC has."""
    root = tmp_path / "mine"
    mvops(tmp_path, "init", "mine", "--team", "small", "--phase", "day_30", "--port", toy.free_port()).ok()
    cells = {source: tags if tags == ("parameters",) else () for source, tags in toy.CELLS.items()}
    toy.write_notebook(root / "notebooks/toy.ipynb", cells)
    toy.rows(range(40)).to_csv(root / "data/raw.csv", index=False)
    (root / "prepare.py").write_text(PREPARE)
    (root / "params.yaml").write_text("train: {C: 0.5, depth: 3}  # ours\nother: 1\n")
    return root


@pytest.mark.system
@pytest.mark.real("data_versioners", "dvc", "stages that `dvc repro` runs are imported")
@pytest.mark.skipif(importlib.util.find_spec("dvc") is None, reason="needs mvops[dvc]")
def test_p29_a_pipeline_that_dvc_runs_becomes_one_of_ours(mine: Path) -> None:
    run(mine, "git", "init", "-q")
    dvc(mine, "init", "-q")
    read = {"deps": ["notebooks/toy.ipynb", "data/prepared.csv"], "params": ["train.C", "train.depth"]}
    stages(
        mine,
        prepare={"cmd": "python prepare.py", "deps": ["prepare.py", "data/raw.csv"], "outs": ["data/prepared.csv"]},
        train={"cmd": PAPERMILL, **read, "outs": ["out.ipynb"]},
        report={"cmd": "echo done", "deps": ["out.ipynb"]},
    )
    dvc(mine, "repro", "-q", "prepare")
    assert PAPERMILL.replace("${train.C}", "0.5") in dvc(mine, "repro", "--dry", "train")  # as DVC reads it
    theirs = {path: (mine / path).read_bytes() for path in ("dvc.yaml", "dvc.lock", "params.yaml")}

    said = mvops(mine, "import", "dvc.yaml").ok().out
    assert "the stage train of dvc.yaml is the pipeline of toy: pipelines/toy.ipynb, configs/models/toy.yaml" in said
    assert "stage prepare stays DVC's: it makes the input data/prepared.csv; `dvc repro prepare` before" in said
    assert "stage train: train.depth is no parameter of its code: no key of the YAML" in said
    assert "stage train: out.ipynb is what DVC keeps of it" in said
    assert "outside the project" not in said
    assert "stage report stays DVC's: nothing that it makes is an input" in said
    pipeline = yaml.safe_load((mine / MODEL).read_text())["pipeline"]
    assert pipeline["inputs"] == {"data_path": "data/prepared.csv"}
    assert pipeline["parameters"]["C"] == 0.5
    assert {path: (mine / path).read_bytes() for path in theirs} == theirs
    edit(mine / "configs/project.yaml", "  - _self_\n", "  - data_versioners: dvc\n  - _self_\n")
    mvops(mine, "apply", "--yes").ok()
    mvops(mine, "plan", "--detailed-exitcode").ok(0)
    assert mvops(mine, "versions", "show", "toy", 1, "--json").ok().json()["parameters"]["C"] == 0.5

    assert "nothing to do" in mvops(mine, "import", "dvc.yaml").ok().out
    edit(mine / "params.yaml", "C: 0.5", "C: 0.7")
    edit(mine / MODEL, "evaluate:", "# ours\nevaluate:")
    before = snapshot(mine)
    mvops(mine, "import", "dvc.yaml").refused(f"{MODEL}:", "parameters.C is 0.5 already, and would be 0.7", "--force")
    assert snapshot(mine) == before
    was = (mine / MODEL).read_text()
    assert "models.toy.pipeline.parameters.C: 0.5 -> 0.7" in mvops(mine, "import", "dvc.yaml", "--force").ok().out
    assert (mine / MODEL).read_text() == was.replace("C: 0.5", "C: 0.7")


def test_p29_a_script_and_what_no_yaml_can_say(mine: Path) -> None:
    toy.rows(range(40)).to_csv(mine / "data/d.csv", index=False)
    (mine / "src").mkdir()
    (mine / "src/churn.py").write_text(SCRIPT)
    flat = {"cmd": "python src/churn.py", "deps": ["src/churn.py", "data/d.csv", "data/raw.csv"], "params": ["other"]}
    many = {"foreach": ["a", "b"], "do": {"cmd": "python x.py ${item}"}}
    stages(mine, train=flat, each=many, lost={"cmd": "echo ${nowhere}"})
    said = mvops(mine, "import", "dvc.yaml", "--name", "churn").ok().out
    for note in (
        "stage each: it stands for several stages (foreach, matrix)",
        "stage lost: what ${nowhere} stands for is not in params.yaml",
        "stage train: it depends on data/raw.csv, which its code names nowhere as a literal",
        "stage train: other is no parameter of its code",
    ):
        assert note in said
    pipeline = yaml.safe_load((mine / "configs/models/churn.yaml").read_text())["pipeline"]
    assert pipeline["inputs"] == {"data_path": "data/d.csv"}
    assert [pipeline["outputs"][key] for key in ("model", "features", "target")] == ["model", "X_test", "y_test"]
    assert '"source": "src/churn.py"' in (mine / "pipelines/churn.ipynb").read_text()

    before = snapshot(mine)
    (mine / "src/price.py").write_text(f"import sys\nC = float(sys.argv[1])\n{SCRIPT}")
    (mine / "src/main.py").write_text("def main():\n    pass\n\nif __name__ == '__main__':\n    main()\n")
    nbconvert = {"cmd": ["cd .", "jupyter nbconvert --to notebook --execute notebooks/toy.ipynb"]}
    for said, words in (
        ({"a": {"cmd": "python src/price.py 1"}}, ("takes its arguments from the command line", "sys.argv")),
        ({"a": {"cmd": "python src/main.py"}}, ("does its work inside functions (line 4",)),
        ({"a": {"cmd": "python prepare.py"}}, ("trains a model",)),
        ({"a": {"cmd": "make"}}, ("no stage of this pipeline trains", "1  a: make", "mvops promote")),
        ({"a": nbconvert, "b": flat}, ("2 stages train: a, b", "--entry STAGE --name NAME")),
        ({}, ("no stages",)),
    ):
        stages(mine, **said)
        mvops(mine, "import", "dvc.yaml").refused(*words)
    (mine / "dvc.yaml").write_text("stages: {a: &a {cmd: x, deps: [*a]}}")
    mvops(mine, "import", "dvc.yaml").refused("YAML with aliases is not read")
    (mine / "dvc.yaml").write_text("stages: [")
    mvops(mine, "import", "dvc.yaml").refused("this is no YAML")
    mine_only = {key: value for key, value in snapshot(mine).items() if not key.startswith(("src", "dvc"))}
    assert mine_only == {key: value for key, value in before.items() if not key.startswith(("src", "dvc"))}
    stages(mine, a=nbconvert, b=flat)
    assert (
        "the stage a of dvc.yaml is the pipeline of toy" in mvops(mine, "import", "dvc.yaml", "--entry", "a").ok().out
    )
