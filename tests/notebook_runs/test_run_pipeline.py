"""A promoted notebook from its file to its outputs: real kernels, real scikit-learn, one run shared by most tests."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pytest
from running import Cell, Project, make_project

from mvops.artifacts.models import load_model
from mvops.artifacts.values import load_value
from mvops.errors import DataError, NotebookError
from mvops.notebook.results import PipelineResult, StepFailedError
from mvops.notebook.step_plans import describe_steps

pytestmark = pytest.mark.xdist_group("pipeline")  # they share one run

PIPELINE: list[Cell] = [
    ("parameters", "path = 'wrong.csv'\ndepth = 2\nseed = 1"),
    (
        "setup",
        """import numpy as np
import pandas as pd
from sklearn.tree import DecisionTreeClassifier
np.random.seed(seed)

def shape_of(frame):
    return frame.shape, scale""",
    ),
    ("markdown", "## Load"),
    ("step:load", "df = pd.read_csv(path)\nscale = 10"),
    ("step:features", "df['c'] = df.a * df.b\nmask = np.random.rand(len(df)) < 0.7"),
    ("step:features", "X_train, X_test = df[mask][['a', 'b', 'c']], df[~mask][['a', 'b', 'c']]\ny = df.pop('y')"),
    ("skip", "1 / 0"),
    ("step:train", "clf = DecisionTreeClassifier(max_depth=depth).fit(X_train, y[mask])"),
    ("step:evaluate", "y_test = y[~mask]\nscore = clf.score(X_test, y_test)\nprint('accuracy', score)"),
    ("step:evaluate", "shape_of(df)"),
]
OPTIONS: dict[str, Any] = {
    "inputs": {"path": "data/rows.csv"},
    "outputs": {"model": "clf", "features": "X_test", "target": "y_test"},
}


@dataclasses.dataclass
class Done:
    project: Project
    result: PipelineResult


@pytest.fixture(scope="session")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    project = make_project(tmp_path_factory.mktemp("pipeline") / "project")
    rows = pd.DataFrame(np.random.default_rng(0).normal(size=(300, 2)), columns=["a", "b"])
    rows.assign(y=(rows.a + rows.b > 0).astype(int)).to_csv(project.root / "data/rows.csv", index=False)
    project.write(*PIPELINE)
    result = project.run(**OPTIONS, parameters={"depth": 3})
    return Done(project, result)


def statuses(result: PipelineResult) -> dict[str, str]:
    return {step.step: step.status for step in result.steps}


def expected_score(project: Project) -> float:
    """What the notebook gives when its cells run in one process."""
    from sklearn.tree import DecisionTreeClassifier

    df = pd.read_csv(project.root / "data/rows.csv")
    state = np.random.RandomState(1)
    mask = state.rand(len(df)) < 0.7
    df["c"] = df.a * df.b
    model = DecisionTreeClassifier(max_depth=3, random_state=state).fit(df[mask][["a", "b", "c"]], df.y[mask])
    return float(model.score(df[~mask][["a", "b", "c"]], df.y[~mask]))


def test_the_outputs_are_those_of_the_notebook(done: Done) -> None:
    outputs, store = done.result.outputs, done.project.store
    assert {role: (o.name, o.step, o.artifact.format) for role, o in outputs.items()} == {
        "model": ("clf", "train", "skops"),
        "features": ("X_test", "features", "parquet"),
        "target": ("y_test", "evaluate", "parquet"),
    }
    model = load_model(store, outputs["model"].artifact)
    features, target = (
        load_value(store.read_bytes(outputs[role].artifact), "parquet", trusted_pickle=False)
        for role in ("features", "target")
    )
    assert model.get_depth() == 3
    assert model.score(features, np.ravel(target)) == pytest.approx(expected_score(done.project), abs=1e-12)


def test_every_executed_notebook_is_kept(done: Done) -> None:
    assert statuses(done.result) == dict.fromkeys(["load", "features", "train", "evaluate"], "succeeded")
    cells = done.project.executed(done.result.steps[-1].notebook)
    shown = [cell for cell in cells if cell["metadata"].get("mvops", {}).get("cell") in {9, 10}]
    assert shown[0]["outputs"][0]["text"] == f"accuracy {expected_score(done.project)}\n"
    assert shown[1]["outputs"][0]["data"]["text/plain"] == "((300, 3), 10)"
    first = done.project.executed(done.result.steps[0].notebook)
    assert [cell["cell_type"] for cell in first] == ["code", "code", "code", "markdown", "code", "code"]
    assert first[1]["source"] == "# set by mvops\ndepth = 3\npath = '../data/rows.csv'"
    assert first[1]["metadata"]["tags"] == ["injected-parameters"]


def test_the_result_says_what_it_was_made_of(done: Done) -> None:
    import sklearn

    result = done.result
    assert result.parameters == {"path": "../data/rows.csv", "depth": 3, "seed": 1}
    assert list(result.data) == ["path"]
    assert result.packages["scikit-learn"] == sklearn.__version__
    assert set(result.cells) == {"load", "features", "train", "evaluate"}
    assert result.seconds > 0


def test_nothing_is_left_in_the_work_folder(done: Done) -> None:
    assert done.project.left() == []


def test_the_kernel_sees_none_of_our_names(project: Project) -> None:
    project.write(
        ("step:a", "x = 1"),
        ("step:b", "print(x)\nnames = sorted(n for n in globals() if 'mvops' in n.lower() or n == 'handover')"),
        ("step:b", "names"),
    )
    result = project.run(outputs={"model": "names"})
    assert project.store.read_bytes(result.outputs["model"].artifact) == b"[]"


def test_a_second_run_takes_everything_from_the_cache(done: Done) -> None:
    result = done.project.run(**OPTIONS, parameters={"depth": 3})
    assert set(statuses(result).values()) == {"cached"}
    assert result.outputs == done.result.outputs
    assert [step.notebook for step in result.steps] == [step.notebook for step in done.result.steps]
    assert [seen.status for seen in done.project.seen] == ["cached"] * 4
    assert result.seconds < 1


def test_a_run_from_the_cache_loads_no_heavy_library(done: Done) -> None:
    script = (
        "import sys\nsys.path[:0] = {path!r}\nfrom pathlib import Path\nfrom running import Project\n"
        "from mvops.notebook.step_plans import describe_steps\n"
        "project = Project(Path({root!r}), Path({book!r}))\n"
        "job, places = project.job(**{options!r}), project.places\n"
        "plans = describe_steps(job, cache_dir=places['cache_dir'], store=places['store'])\n"
        "assert all(plan.cached for plan in plans), plans\n"
        "project.run(**{options!r})\n"
        "heavy = {{'pandas', 'numpy', 'papermill', 'nbformat', 'jupyter_client', 'sklearn'}} & set(sys.modules)\n"
        "assert not heavy, heavy"
    ).format(
        path=sys.path,
        root=str(done.project.root),
        book=str(done.project.path),
        options={**OPTIONS, "parameters": {"depth": 3}},
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def cached(project: Project, **options: Any) -> dict[str, bool]:
    plans = describe_steps(
        project.job(**{**OPTIONS, "parameters": {"depth": 3}, **options}),
        cache_dir=project.places["cache_dir"],
        store=project.store,
    )
    return {plan.name: plan.cached for plan in plans}


ALL = {"load": True, "features": True, "train": True, "evaluate": True}
FROM_TRAIN = ALL | {"train": False, "evaluate": False}
NONE = dict.fromkeys(ALL, False)


def test_the_plan_says_what_each_step_rests_on(done: Done) -> None:
    job = done.project.job(**OPTIONS, parameters={"depth": 3})
    plans = {plan.name: plan for plan in describe_steps(job, cache_dir=done.project.places["cache_dir"])}
    assert plans["train"].parameters == {"depth": 3, "seed": 1}
    assert plans["load"].inputs == {"path": done.result.data["path"]}
    assert plans["train"].inputs == {}
    assert set(plans["evaluate"].upstream) == {"load", "features", "train"}
    assert [cell.number for cell in plans["features"].cells] == [5, 6]
    assert plans["train"].seconds == done.result.steps[2].seconds
    assert {step.step: step.key for step in done.result.steps} == {name: plan.key for name, plan in plans.items()}
    assert done.result.cells == {name: plan.digest for name, plan in plans.items()}


def test_only_what_reads_a_changed_thing_runs_again(done: Done) -> None:
    project = done.project
    original = project.path.read_text()
    rows = (project.root / "data/rows.csv").read_text()

    def with_source(number: int, source: str, **outputs: Any) -> dict[str, bool]:
        book = json.loads(original)
        book["cells"][number - 1].update(source=source, **outputs)
        project.path.write_text(json.dumps(book))
        return cached(project)

    try:
        assert cached(project) == ALL
        assert cached(project, parameters={"depth": 4}) == FROM_TRAIN
        assert cached(project, parameters={}) == FROM_TRAIN
        assert cached(project, parameters={"depth": 3, "seed": 2}) == NONE
        assert cached(project, use_cache=False) == NONE
        assert cached(project, outputs={"model": "clf", "features": "score"}) == ALL | {"evaluate": False}
        train = PIPELINE[7][1]
        assert (
            with_source(8, train + "  \n\n", outputs=[{"output_type": "stream", "name": "stdout", "text": "x"}]) == ALL
        )
        assert with_source(7, "# a skipped cell") == ALL
        assert with_source(3, "# Another heading") == ALL
        assert with_source(8, train + "\nprint(clf)") == FROM_TRAIN
        assert with_source(2, PIPELINE[1][1] + "\nimport math") == NONE
        assert with_source(10, "mask.sum()") == ALL | {"evaluate": False}
        assert with_source(10, "scale, df, later_needed") == ALL | {"evaluate": False}
        project.path.write_text(original)
        (project.root / "data/rows.csv").write_text(rows + "\n1.0,1.0,1\n")
        assert cached(project) == NONE
    finally:
        project.path.write_text(original)
        (project.root / "data/rows.csv").write_text(rows)
    assert cached(project) == ALL


def test_a_lost_or_damaged_entry_is_made_again(done: Done, tmp_path: Path) -> None:
    project, key = done.project, done.result.steps[2].key
    entry = project.places["cache_dir"] / "steps" / key[:2] / f"{key[2:]}.json"
    content = entry.read_text()
    sha256 = done.result.steps[2].notebook or ""
    kept = project.root / ".mvops/artifacts" / sha256[:2] / sha256[2:]
    try:
        for damage in ("", "[]", "{}", content.replace('"format_version": 1', '"format_version": 2')):
            entry.write_text(damage)
            assert cached(project) == ALL | {"train": False}
        entry.write_text(content)
        kept.rename(tmp_path / "kept")
        assert cached(project) == ALL | {"train": False}
    finally:
        entry.write_text(content)
        (tmp_path / "kept").rename(kept)
    assert cached(project) == ALL


def test_one_step_takes_the_values_of_earlier_ones_from_the_cache(done: Done) -> None:
    result = done.project.run(**OPTIONS, parameters={"depth": 3}, only_step="evaluate", use_cache=False)
    assert statuses(result) == {"evaluate": "succeeded"}
    assert result.outputs["target"] == done.result.outputs["target"]
    assert done.project.seen[0].status == "started"
    assert done.project.seen[-1].record == result.steps[0]


def test_one_step_without_its_earlier_ones_says_which_to_run(done: Done) -> None:
    with pytest.raises(NotebookError, match="'evaluate' needs what step 'train' makes") as caught:
        done.project.run(**OPTIONS, parameters={"depth": 9}, only_step="evaluate")
    assert "--step train" in (caught.value.hint or "")
    with pytest.raises(NotebookError, match="no step 'tune'"):
        done.project.run(**OPTIONS, only_step="tune")


def test_a_missing_input_is_told_before_anything_starts(project: Project) -> None:
    project.write(("parameters", "path = ''"), "print(path)")
    with pytest.raises(DataError, match=r"no data at data/gone\.csv") as caught:
        project.run(inputs={"path": "data/gone.csv"})
    assert "pipeline.inputs.path" in (caught.value.hint or "")
    assert project.seen == []


def test_a_failed_step_says_where_and_keeps_its_record(project: Project) -> None:
    project.write(("step:a", "x = 1"), ("markdown", "text"), ("step:b", "y = x\nraise ValueError('no {x.__class__}')"))
    with pytest.raises(StepFailedError) as caught:
        project.run()
    error = caught.value
    assert error.message == (
        "Step 'b' failed in cell 3, at `raise ValueError('no {x.__class__}')`: ValueError: no {x.__class__}"
    )
    assert error.notebook == project.root / ".mvops/runs/model-b-failed.ipynb"
    assert str(error.notebook) in (error.hint or "")
    assert json.loads(error.notebook.read_text())["cells"] == project.executed(error.steps[1].notebook)
    assert [(step.step, step.status) for step in error.steps] == [("a", "succeeded"), ("b", "failed")]
    assert error.steps[1].error == error.message
    assert project.left() == ["model-b-failed.ipynb"]
    assert project.seen[-1].status == "failed"


FAILING = {
    "cannot be saved": ("x = open('log', 'w')", "print(x)", r"Step 'a' failed: cannot save 'x' \(_io.TextIOWrapper\)"),
    "ends itself": ("import sys\nx = 1\nsys.exit()", "x", r"Step 'a' failed: SystemExit: the notebook ended itself"),
    "dies": ("import os\nx = os._exit(1)", "x", r"Step 'a' failed in cell 1: the kernel died, exit code 1"),
}


@pytest.mark.parametrize("case", FAILING)
def test_other_ways_to_fail(project: Project, case: str) -> None:
    first, second, message = FAILING[case]
    project.write(("step:a", first), ("step:b", second))
    with pytest.raises(StepFailedError, match=message):
        project.run()
    assert describe_steps(project.job(), cache_dir=project.places["cache_dir"])[0].cached is False


def test_the_time_limit_is_that_of_the_whole_run(project: Project) -> None:
    project.write(("step:a", "import time\ntime.sleep(600)"))
    with pytest.raises(StepFailedError, match=r"Step 'a' failed in cell 1: it did not end within 5 seconds"):
        project.run(timeout=5.0)


def lives(pid: int) -> bool:
    """Is there such a process, and not only its exit code for whoever asks."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def test_an_interrupt_leaves_nothing(project: Project) -> None:
    told = project.root / "pids"
    started = "import os, pathlib, subprocess, time\nchild = subprocess.Popen(['sleep', '600'])"
    said = f"pathlib.Path({str(told)!r}).write_text(f'{{os.getpid()}} {{child.pid}} .')"
    project.write(("step:a", f"{started}\n{said}\ntime.sleep(600)"))

    def interrupt() -> None:
        while not (told.exists() and told.read_text().endswith(".")):
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        project.run()
    assert project.left() == []
    assert [pid for pid in told.read_text().split()[:2] if lives(int(pid))] == []


def test_definitions_in_cells_of_steps_and_classes_work_across_steps(project: Project) -> None:
    (project.root / "notebooks/helpers.py").write_text("def double(x):\n    return 2 * x\n")
    first = """from helpers import double
import os
os.environ['MARKER'] = 'set'
class Box:
    def __init__(self, x):
        self.x = double(x)
box = Box(1)
runs = 1"""
    last = """same = [isinstance(box, Box), isinstance(late, Late)]
answer = [*same, box.x, double(4), os.environ['MARKER'], runs]"""
    project.write(
        ("step:a", first),
        ("setup", "class Late:\n    pass"),
        ("step:b", "late = Late()\nbox.x += 1\nruns += 1"),
        ("step:c", last),
    )
    result = project.run(outputs={"model": "answer"})
    answer = json.loads(project.store.read_bytes(result.outputs["model"].artifact))
    assert answer == [True, True, 3, 8, "set", 2]
    before = [plan.key for plan in describe_steps(project.job(), cache_dir=project.places["cache_dir"])]
    (project.root / "notebooks/helpers.py").write_text("def double(x):\n    return 3 * x\n")
    after = [plan.key for plan in describe_steps(project.job(), cache_dir=project.places["cache_dir"])]
    assert not set(before) & set(after)


def test_data_that_changes_while_it_is_read_makes_no_result(tmp_path: Path) -> None:
    project = make_project(tmp_path / "moving")
    rows, out = project.root / "data/rows.csv", project.root / "data/out.csv"
    rows.write_text("a\n1\n")
    load = "lines = open(path).readlines()"
    project.write(("parameters", "path = ''"), ("step:load", f"{load}\nopen(path, 'a').write('2\\n')"))
    inputs = {"path": "data/rows.csv"}
    with pytest.raises(DataError, match=r"data/rows.csv was changed while .* read it \(pipeline.inputs.path\)"):
        project.run(inputs=inputs)
    rows.write_text("a\n1\n")
    (told,) = describe_steps(project.job(inputs=inputs), cache_dir=project.root / ".mvops/cache")
    assert not told.cached
    assert project.left() == []

    # A folder that it writes something new into was not read as it is now, and holds what was read.
    project.write(("parameters", "folder = ''"), ("step:load", f"open(folder + '/{out.name}', 'w').write('3\\n')"))
    (done,) = project.run(inputs={"folder": "data"}).steps
    assert done.status == "succeeded"
    assert out.read_text() == "3\n"


def test_what_is_equal_in_two_variables_is_not_one_object_in_a_later_step(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    project.write(
        ("setup", "import pandas as pd"),
        ("step:load", "df = pd.DataFrame({'a': [1], 'b': [2], 'y': [3]})\nkept = df.copy()\nalso = df"),
        (
            "step:features",
            "df.drop(columns='a', inplace=True)\nwidths = [len(t.columns) for t in (kept, also)]",
        ),
        ("step:train", "told = [*widths, len(kept.columns), len(df.columns)]"),
    )
    done = project.run(outputs={"model": "told"})
    told = done.outputs["model"].artifact
    assert load_value(project.store.read_bytes(told.sha256), told.format, trusted_pickle=False) == [3, 2, 3, 2]
