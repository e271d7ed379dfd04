"""A model's notebook runs in the kernel that its YAML names: another environment than the one that mvops is in."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from other_python import make_other, pretend
from toy_project import ROOT, edit, environment, make_toy, mvops, rows

from mvops.artifacts.store import ArtifactStore
from mvops.notebook.kernels import Asked, choose_kernel

CELLS = """
import sys

import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
---
df = pd.read_csv("../data/d.csv")
X, y = df[["age", "income"]], df["y"]
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.5, random_state=1)
---
clf = LogisticRegression().fit(X_train, y_train)
---
print(clf.score(X_test, y_test))
print(sys.executable)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a notebook, and an environment of its own in a folder with a space in its name."""
    root = tmp_path / "toy"
    mvops(tmp_path, "init", "toy", "--team", "small", "--phase", "day_30").ok()
    book = new_notebook(cells=[new_code_cell(source.strip()) for source in CELLS.split("---")])
    book.metadata["kernelspec"] = {"name": "conda-root-py", "display_name": "x", "language": "python"}
    nbformat.write(book, root / "notebooks" / "toy.ipynb")
    (root / "data").mkdir(exist_ok=True)
    rows(range(5)).to_csv(root / "data" / "d.csv", index=False)
    make_other(root / "old envs" / "of 2022")
    return root


def printed(root: Path) -> str:
    """All that the steps of the last run showed."""
    run = mvops(root, "runs", "list", "toy", "--json").ok().json()["runs"][0]["id"]
    steps = mvops(root, "runs", "show", run, "--json").ok().json()["steps"]
    store = ArtifactStore(".mvops/artifacts", root)
    return "".join(store.read_bytes(step["notebook"]).decode() for step in steps)


@pytest.mark.system
def test_a_notebook_is_promoted_verified_and_applied_in_an_interpreter_of_its_own(project: Path) -> None:
    python = "old envs/of 2022/bin/python"
    asked = ("--split", "none", "--python", python, "--verify", "--json")
    made = mvops(project, "promote", "notebooks/toy.ipynb", *asked).ok().json()
    assert made["verification"]["verdict"] == "equal"
    assert f"python: {python}" in (project / "configs/models/toy.yaml").read_text()

    mvops(project, "apply", "-y").ok()
    assert str(project / python) in printed(project)  # verified and applied with the same interpreter: from the cache
    assert "nothing to do" in mvops(project, "plan").ok().out.lower()

    pretend(project / "old envs" / "of 2022", "pandas", "1.5.2")
    plan = mvops(project, "plan", "--detailed-exitcode").ok(2).out
    assert "environment.pandas" in plan
    assert "1.5.2" in plan
    assert "runs: environment changed" in plan


@pytest.mark.system
def test_the_corpus_is_tried_in_an_interpreter_of_its_own(project: Path, tmp_path: Path) -> None:
    """Equal numbers are told of the notebook that runs there only; of one that mvops refuses, that it runs there."""
    python = project / "old envs/of 2022/bin/python"
    repository = tmp_path / "corpus" / "theirs"
    shutil.copytree(project / "data", repository / "data")
    (repository / "notebooks").mkdir()
    only_there = f"import sys\nassert sys.executable == {str(python)!r}"
    for name, promoted in (("equal", {}), ("refused", {"mvops": {"source": "toy.ipynb"}})):
        book = nbformat.read(project / "notebooks/toy.ipynb", as_version=4)
        book.cells.insert(0, new_code_cell(only_there))
        book.metadata |= promoted
        nbformat.write(book, repository / f"notebooks/{name}.ipynb")
    out = tmp_path / "corpus.jsonl"
    asked = ("--split", "none", "--python", python, "--out", out)
    command = [sys.executable, ROOT / "tests/corpus", repository.parent, *asked]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)
    found = [json.loads(line) for line in out.read_text().splitlines()]
    assert {Path(each["notebook"]).stem: each["verdict"] for each in found} == {
        "equal": "equal",
        "refused": "refused, runs",
    }
    assert "the same numbers: 1 of 2, 50 %, that run" in done.stdout


@pytest.mark.system
def test_an_endpoint_installs_what_the_teams_file_pins_for_an_interpreter_of_its_own(project: Path) -> None:
    python = "old envs/of 2022/bin/python"
    pretend(project / "old envs" / "of 2022", "pandas", "1.5.2")
    mvops(project, "promote", "notebooks/toy.ipynb", "--split", "none", "--python", python).ok()
    known = f"  python: {python}\n"
    edit(project / "configs/models/toy.yaml", known, f"{known}  requirements: pins.txt\n")
    missing = mvops(project, "plan").refused("there is no requirements file pins.txt", "pip freeze > pins.txt")
    assert "toy.yaml:" in missing.err
    pins = project / "pins.txt"
    pins.write_text("# the team's\npandas>=1.5\n")
    mvops(project, "plan").refused("pins.txt:2", "'pandas>=1.5' is no exact release")
    pins.write_text("pandas==1.5.3\nlightgbm==3.3.5  # as it was tried\n")
    unlike = "pins.txt pins pandas 1.5.3 for the endpoint, and the model is made with 1.5.2"
    assert unlike in mvops(project, "plan").ok().out

    mvops(project, "apply", "-y").ok()
    made = mvops(project, "versions", "show", "toy", 1, "--json").ok().json()["environment"]
    assert made["pinned"] == {"pandas": "1.5.3", "lightgbm": "3.3.5"}
    installed = project / "deploy/serving/toy/requirements.txt"
    assert {"lightgbm==3.3.5", "pandas==1.5.3"} <= set(installed.read_text().splitlines())
    assert "scikit-learn" not in installed.read_text()  # nothing but what the file says
    mvops(project, "plan", "--detailed-exitcode").ok(0)

    edit(pins, "3.3.5", "3.3.2")
    planned = mvops(project, "plan", "--detailed-exitcode").ok(2).out
    assert "environment.requirements" in planned
    assert "-lightgbm==3.3.5  # as it was tried" in planned
    assert "+lightgbm==3.3.2  # as it was tried" in planned
    assert unlike in planned


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    return make_toy(tmp_path / "toy")


def test_what_the_yaml_asks_for_in_vain_is_told_with_the_line_before_anything_runs(
    toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    yaml = toy / "configs" / "models" / "toy.yaml"
    known = "  notebook: pipelines/toy.ipynb\n"

    def asking(*lines: str) -> Any:
        before = yaml.read_text()
        edit(yaml, known, known + "".join(f"  {line}\n" for line in lines))
        try:
            return mvops(toy, "plan")
        finally:
            yaml.write_text(before)

    asking("kernel: old", "python: old/bin/python").refused("toy.yaml:5", "`kernel` or `python`, not both")
    asking("kernel: 'no such'").refused("toy.yaml:4")
    asking("kernel: nowhere").refused("toy.yaml:4", "no Python kernel 'nowhere'", "Kernels here:", "python3")
    asking("python: old/bin/python").refused("toy.yaml:4", f"no interpreter {toy / 'old/bin/python'}", "python3")

    folder = toy / "old env"
    make_other(folder)
    asking("python: old env").refused("is a folder", "bin/python")
    (folder / "lib").rename(folder / "taken away")
    said = f"'{folder / 'bin/python'}' -m pip install ipykernel"
    asking("python: old env/bin/python").refused("toy.yaml:4", "has no ipykernel", said)

    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    spec = tmp_path / "jupyter" / "kernels" / "gone" / "kernel.json"
    spec.parent.mkdir(parents=True)
    argv = [str(folder / "gone" / "python"), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec.write_text(json.dumps({"argv": argv, "language": "python", "display_name": "x"}))
    asking("kernel: gone").refused("toy.yaml:4", "'gone' starts", "which is not there", "python3")


def test_promote_takes_one_kernel_that_is_there(project: Path) -> None:
    notebook = "notebooks/toy.ipynb"
    both = mvops(project, "promote", notebook, "--kernel", "python3", "--python", "x")
    both.refused("--kernel and --python")
    mvops(project, "promote", notebook, "--kernel", "nowhere").refused("no Python kernel 'nowhere'", "Kernels here:")
    assert not (project / "configs/models/toy.yaml").exists()
    mvops(project, "promote", notebook, "--kernel", "python3").ok()
    assert "kernel: python3" in (project / "configs/models/toy.yaml").read_text()


def test_a_path_means_the_same_from_everywhere(project: Path, tmp_path: Path) -> None:
    """Links on it are not followed: the interpreter of an environment is one."""
    python = project / "old envs" / "of 2022" / "bin" / "python"
    asked = Asked.of(project, None, "old envs/../old envs/of 2022/bin/python")
    assert asked.python == python
    assert choose_kernel({}, tmp_path / "n.ipynb", asked).python == python
    assert Asked.of(project, None, str(python)) == asked
    shutil.rmtree(project / "old envs")
