"""The original and the promoted notebook side by side."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from running import Cell, Project, notebook

from mvops.errors import NotebookError
from mvops.notebook.matching import compare_cells, match_cells, metric_rows
from mvops.notebook.results import StepProgress
from mvops.notebook.verify import Verification, unseeded_calls, verify


def check(
    project: Project,
    original: list[Cell],
    promoted: list[Cell],
    seen: list[StepProgress] | None = None,
    **job: Any,
) -> Verification:
    path = project.root / "notebooks/original.ipynb"
    path.write_text(json.dumps(notebook(*original)))
    before = hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns
    project.write(*promoted)
    told = seen.append if seen is not None else None
    found = verify([path], project.job(**job), **project.places, on_progress=told)
    assert (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns) == before
    json.dumps(found.as_json(), allow_nan=False)
    return found


def test_a_faithful_promotion_is_equal(project: Project) -> None:
    seen: list[StepProgress] = []
    found = check(
        project,
        [
            "import random, time\nrandom.seed(3)",
            "rows = [random.random() for _ in range(10)]\nprint('rows', len(rows))",
            "print(f'took {time.time() % 1:.6f} s')", "score = sum(rows)\nprint('accuracy:', score, float('nan'))",
            "score / 2, object()",
        ],
        [
            ("parameters", "count = 10"), ("setup", "import random, time\nrandom.seed(3)"),
            ("step:load", "rows = [random.random() for _ in range(count)]\nprint('rows', len(rows))"),
            ("step:load", "print(f'took {time.time() % 1:.6f} s')"),
            ("step:train", "score = sum(rows)\nprint('accuracy:', score, float('nan'))"),
            ("step:train", "score / 2, object()"),
        ],
        seen,
    )  # fmt: skip
    assert found.verdict == "equal"
    assert found.differences == ()
    assert (found.cells, found.numbers, found.unseeded) == (5, 4, ())
    assert [(row.cell, row.name, row.equal) for row in found.metrics] == [
        (2, "rows", True),
        (4, "accuracy", True),
        (5, "(score / 2, object())", True),
    ]
    assert found.original_seconds > 0
    assert found.promoted_seconds > 0
    steps = [progress.step for progress in seen if progress.status in {"succeeded", "failed"}]
    assert steps == ["original", "load", "train"]


def test_a_wrong_promotion_is_different_and_says_where(project: Project) -> None:
    found = check(
        project,
        ["x = 1", "print('auc', 0.75)\nprint('f1', x)"],
        [("step:a original:c0", "x = 2"), ("step:b original:c1", "print('auc', 0.75)\nprint('f1', x)")],
    )
    assert found.verdict == "different"
    (difference,) = found.differences
    assert (difference.cell, difference.original, difference.promoted, difference.stable) == (2, "f1 1", "f1 2", True)
    assert difference.source == "print('auc', 0.75)"
    assert [(row.name, row.original, row.promoted, row.equal) for row in found.metrics] == [
        ("auc", 0.75, 0.75, True),
        ("f1", 1, 2, False),
    ]


def test_a_notebook_without_seed_is_not_comparable(project: Project) -> None:
    cells: list[Cell] = ["import random", "x = random.random()", "print(x)", "print(x > 2, 1)"]
    found = check(project, cells, cells)
    assert found.verdict == "not_comparable"
    assert found.unseeded == ("cell 2: random",)
    assert "cell 3" in found.reason
    assert [each.stable for each in found.differences] == [False]


NTH = """import pathlib
told = pathlib.Path("told")
n = len(told.read_text()) if told.exists() else 0
told.write_text("x" * (n + 1))
print([5, 6, 5, 7][n])"""


def test_what_is_drawn_without_a_seed_is_not_comparable_though_chance_shows_it_twice(project: Project) -> None:
    draw = f"{NTH}\nimport random\nrandom.random() > 2"
    found = check(project, [draw], [("step:a original:c0", draw)])
    assert (found.verdict, found.unseeded) == ("not_comparable", ("cell 1: random",))
    assert found.reason.startswith("what differs is drawn without a seed (cell 1)")


def test_what_comes_of_a_draw_is_run_more_often_before_it_counts(project: Project) -> None:
    draw = "import random\nluck = random.random()"
    found = check(project, [draw, NTH], [("step:a original:c0", draw), ("step:a original:c1", NTH)])
    assert found.verdict == "not_comparable"
    assert found.reason.startswith("the original shows other numbers each time it is run (cell 2)")


MODEL = """
from sklearn.dummy import DummyRegressor
X_test = [[1], [2], [3]]
model = DummyRegressor(strategy="constant", constant=2.5).fit(X_test, [1, 2, 3])
done = open("out.csv", "w").write("a")
"""


@pytest.mark.system
def test_predictions_and_files_count_where_no_number_is_shown(project: Project) -> None:
    outputs = {"model": "model", "features": "X_test"}
    found = check(project, [MODEL], [("step:train original:c0", MODEL)], outputs=outputs)
    assert (found.verdict, found.reason, found.numbers) == ("equal", "", 0)
    assert (found.predictions.rows, found.predictions.different) == (3, 0)
    assert [(file.path, file.said) for file in found.files] == [("notebooks/out.csv", "equal")]
    assert project.left() == []

    other = MODEL.replace("2.5", "2.75").replace('write("a")', 'write("b")')
    found = check(project, [MODEL], [("step:train original:c0", other)], outputs=outputs)
    assert (found.verdict, found.predictions.different, found.predictions.stable) == ("different", 3, True)
    assert found.predictions.examples[0] == "row 1: 2.5 != 2.75"
    assert [(file.said, file.stable) for file in found.files] == [("different", True)]


def test_held_out_rows_that_only_promotion_names_are_kept_in_the_original_too(project: Project) -> None:
    split = "rows = [[1], [2], [3]]\nmodel = DummyRegressor().fit(rows[:share], [1])"
    start = ("setup", "from sklearn.dummy import DummyRegressor")
    project.path.parent.mkdir(exist_ok=True)
    kept = "held_out_features = rows[share:]"
    original: list[Cell] = [start[1], split.replace("share", "1"), "rows = None"]
    promoted: list[Cell] = [
        ("parameters", "share = 1"), start, ("step:train original:c1", split), ("step:train", kept),
        ("step:train original:c2", "rows = None"),
    ]  # fmt: skip
    book = notebook(*promoted, mvops={"format_version": 1, "cwd": "notebooks"})
    book["cells"][3]["id"] = "mvops-kept-0"
    book["cells"][2]["metadata"]["mvops"]["original_cell"] = 1
    path = project.root / "notebooks/original.ipynb"
    path.write_text(json.dumps(notebook(*original)))
    project.path.write_text(json.dumps(book))
    found = verify([path], project.job(outputs={"model": "model", "features": "held_out_features"}), **project.places)
    assert (found.verdict, found.predictions.rows, found.predictions.reason) == ("equal", 2, "")


def test_an_original_that_does_not_run_is_told(project: Project) -> None:
    with pytest.raises(NotebookError, match=r"original notebook does not run in cell 2, at `y`: NameError") as caught:
        check(project, ["x = 1", "y"], ["x = 1"])
    assert "Restart and run all" in (caught.value.hint or "")


def executed(*cells: tuple[str, str]) -> list[dict[str, Any]]:
    book = notebook(*(source for source, _ in cells))
    for number, (cell, (_, shown)) in enumerate(zip(book["cells"], cells, strict=True), start=1):
        cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": shown}]
        cell["metadata"]["mvops"] = {"cell": number}
    return book["cells"]


def test_cells_are_matched_by_order_or_by_source() -> None:
    left, right = executed(("a", ""), ("b", ""), ("c", "")), executed(("a2", ""), ("b2", ""), ("c2", ""))
    assert match_cells(left, right) == list(zip(left, right, strict=True))
    shorter = executed(("b", ""), ("c", ""))
    assert match_cells(left, shorter) == [(left[1], shorter[0]), (left[2], shorter[1])]
    for cell, index in zip(shorter, (2, 0), strict=True):
        cell["metadata"]["mvops"]["original_cell"] = index
    assert match_cells(left, shorter) == [(left[2], shorter[0]), (left[0], shorter[1])]


def test_a_number_more_or_less_is_a_difference() -> None:
    (one,), (two,) = executed(("a", "1 2")), executed(("a", "1"))
    found = compare_cells(one, two)
    assert found is not None
    assert (found.original, found.promoted) == ("2 numbers", "1 numbers")
    assert compare_cells(one, one) is None


def test_metrics_are_named_by_their_line_or_their_expression() -> None:
    (report,) = executed(("print(report)", "           precision  recall\n0   0.5  0.25\naccuracy  0.75 0.5\nx 1 2"))
    assert [(row.name, row.original) for row in metric_rows(report, report)] == [("accuracy", 0.75)]
    (bare,) = executed(("x = 1\nmodel.score(X, y)", "0.5"))
    assert [(row.name, row.promoted) for row in metric_rows(bare, bare)] == [("model.score(X, y)", 0.5)]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("train_test_split(X, y)", ((1, "train_test_split"),)),
        ("train_test_split(X, y, random_state=0)", ()),
        ("RandomForestClassifier(10).fit(X, y)", ((1, "RandomForestClassifier"),)),
        ("np.random.rand(3)", ((1, "rand"),)),
        ("np.random.default_rng(0)", ()),
        ("df.sample(frac=1)\nLinearRegression()", ((1, "sample"),)),
        ("np.random.seed(0)\nnp.random.rand(3)", ()),
        ("x = = 1", ()),
    ],
)
def test_unseeded_calls(source: str, found: tuple[tuple[int, str], ...]) -> None:
    assert unseeded_calls(executed((source, ""))) == found
