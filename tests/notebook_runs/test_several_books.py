"""How the steps of several notebooks are cut out and keyed; and that one notebook's keys stay what they were."""

from __future__ import annotations

import json
import platform
import sys
from pathlib import Path

import pytest
from running import Cell, Project, notebook

from mvops.core.canonical import digest
from mvops.errors import NotebookError
from mvops.notebook.document import read_documents
from mvops.notebook.kernels import Asked
from mvops.notebook.keys import prepare
from mvops.notebook.slices import StepSlice, slice_notebooks


def cut(root: Path, *books: tuple[Cell, ...]) -> dict[str, StepSlice]:
    paths = [root / f"{number}_{name}.ipynb" for number, name in enumerate(("one", "two", "three")[: len(books)])]
    for path, cells in zip(paths, books, strict=True):
        path.write_text(json.dumps(notebook(*cells)))
    documents = read_documents(paths, root)
    return {part.name: part for part in slice_notebooks(documents, {}, root)}


def test_what_an_earlier_notebook_sets_up_is_done_in_its_own_steps_only(tmp_path: Path) -> None:
    steps = cut(
        tmp_path,
        (("setup", "import os\nimport numpy as np\nos.chdir('/')"), "a = np.ones(2)\nb = 3"),
        ("c = a + 1",),
        (("setup", "import numpy as np"), "d = np.zeros(2) + c"),
    )
    assert [cell.source for cell in steps["two"].setup] == []
    assert steps["two"].inherited == ()
    assert steps["two"].loads == {"a": "one"}
    assert steps["three"].loads == {"c": "two"}
    assert steps["one"].saves == {"a"}
    assert steps["three"].after == ()  # variables only: nothing but what it loads


def test_definitions_of_an_earlier_notebook_run_first_and_mean_what_they_meant_there(tmp_path: Path) -> None:
    steps = cut(
        tmp_path,
        (
            ("setup", "from abc import ABC as Base\nSCALE = 2"),
            ("step:one", "class Thing(Base):\n    pass\nit = Thing()"),
        ),
        (("setup", "class Base:\n    pass"), "made = [it, Base(), SCALE]"),
    )
    assert steps["two"].inherited == ("from abc import ABC as Base", "class Thing(Base):\n    pass")
    assert steps["two"].loads == {"it": "one", "SCALE": "one"}
    assert steps["one"].shared_definitions == {"Base", "Thing"}


def test_a_name_that_is_imported_earlier_may_be_a_value_later(tmp_path: Path) -> None:
    steps = cut(
        tmp_path,
        ("from json import tool as rows",),
        (("step:make", "rows = [1]"), ("step:more", "rows.append(2)"), ("step:use", "print(rows)")),
    )
    assert steps["use"].loads == {"rows": "more"}


def test_a_parameter_that_a_later_notebook_may_leave_as_it_was_is_handed_on(tmp_path: Path) -> None:
    steps = cut(
        tmp_path,
        (("parameters", "limit = 3"), "a = 1"),
        (("step:maybe", "if a > 5:\n    limit = 9"), ("step:use", "print(limit)")),
    )
    assert steps["use"].loads == {"limit": "maybe"}
    assert steps["maybe"].given == {"limit"}


def test_a_name_of_pythons_own_that_an_earlier_notebook_takes_is_pythons_again(tmp_path: Path) -> None:
    steps = cut(tmp_path, ("sum = 3\nmine = 4",), ("print(sum([mine]))",), ("sum = 1", "print(sum, mine)"))
    assert steps["two"].loads == {"mine": "one"}
    assert steps["three"].loads == {"mine": "one"}


@pytest.mark.parametrize(
    ("code", "after"),
    [
        ("d = c * 2", ()),
        ("import pandas as pd\nd = pd.read_csv(where)", ("one",)),
        ("d = open('x').read()", ("one",)),
        ("d = table('out/x')", ("one",)),
        ("!cat x", ("one",)),
        ("import helper\nd = helper.table()", ("one",)),
    ],
)
def test_what_may_read_a_file_comes_after_all_earlier_notebooks(
    tmp_path: Path, code: str, after: tuple[str, ...]
) -> None:
    (tmp_path / "helper.py").write_text("")
    assert cut(tmp_path, ("c = 1",), (code,))["two"].after == after


def test_random_numbers_go_on_within_a_notebook_only(tmp_path: Path) -> None:
    steps = cut(
        tmp_path,
        (("step:a", "import random\nrandom.seed(1)"), ("step:b", "x = random.random()")),
        ("y = x + 1",),
    )
    assert len(steps["b"].loads) == 1
    assert steps["two"].loads == {"x": "b"}


def test_a_file_whose_name_is_put_together_is_the_work_of_the_notebook_that_writes_it(project: Project) -> None:
    second = project.path.with_name("second.ipynb")
    project.write("place = '../out'\nfor part in ('a', 'b'):\n    open(f'{place}/{part}.txt', 'w').write(part)")
    second.write_text(json.dumps(notebook("made = open('../out/a.txt').read()\nraw = open('../out/raw.json').read()")))
    job = project.job(later=(second,))
    first = prepare(job, None).keys["second"].key
    (project.root / "out").mkdir()
    (project.root / "out/a.txt").write_text("a")
    assert prepare(job, None).keys["second"].key == first
    (project.root / "out/raw.json").write_text("{}")
    assert prepare(job, None).keys["second"].key != first


def test_different_kernels_are_refused_unless_one_is_asked_for(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = project.root / "jupyter/kernels/other/kernel.json"
    spec.parent.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec.write_text(
        json.dumps({"argv": argv, "display_name": "other", "language": "python", "env": {"SET_FOR_IT": "1"}})
    )
    monkeypatch.setenv("JUPYTER_PATH", str(project.root / "jupyter"))
    second = project.path.with_name("second.ipynb")
    project.write("a = 1")
    second.write_text(json.dumps(notebook("b = a", kernel="other")))
    with pytest.raises(NotebookError, match=r"the kernel 'other', and model.ipynb in 'python3'") as refused:
        prepare(project.job(later=(second,)), None)
    assert "pipeline.kernel" in str(refused.value.hint)
    assert prepare(project.job(later=(second,), asked=Asked("python3")), None).kernel.name == "python3"


def test_the_key_of_a_step_of_one_notebook_is_made_of_what_it_always_was(project: Project) -> None:
    project.write(("parameters", "n = 2\nm = 3"), ("setup", "import os"), ("step:a", "x = n"), ("step:b", "y = x + 1"))
    keys = prepare(project.job(parameters={"n": 5}), None).keys
    shared = {"format": 1, "folder": "notebooks", "python": platform.python_version(), "packages": {}, "modules": {}}
    rest = {"inputs": {}, "files": {}}
    a = {"setup": ["import os"], "own": ["x = n"], "parameters": ""}
    b = {"setup": ["import os"], "own": ["y = x + 1"], "parameters": ""}
    first = digest({**shared, "code": a, "parameters": [["n", "5"]], **rest, "loads": {}, "upstream": {}})
    assert (keys["a"].digest, keys["a"].key) == (digest(a), first)
    second = {**shared, "code": b, "parameters": [], **rest, "loads": {"x": "a"}, "upstream": {"a": first}}
    assert (keys["b"].digest, keys["b"].key) == (digest(b), digest(second))
