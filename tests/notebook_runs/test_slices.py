from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from running import Cell, notebook

from mvops.errors import NotebookError
from mvops.notebook.document import read_document
from mvops.notebook.handover import RANDOM
from mvops.notebook.slices import StepSlice, slice_notebook


@pytest.fixture
def sliced(tmp_path: Path) -> Any:
    def run(*cells: Cell, **outputs: str) -> dict[str, StepSlice]:
        path = tmp_path / "n.ipynb"
        path.write_text(json.dumps(notebook(*cells)))
        return {part.name: part for part in slice_notebook(read_document(path, tmp_path), outputs)}

    return run


def loads(part: StepSlice) -> dict[str, str]:
    return dict(part.loads)


def test_a_name_comes_from_the_step_that_touched_it_last(sliced: Any) -> None:
    steps = sliced(
        ("step:load", "df = read()\nother = 1"),
        ("step:features", "df['x'] = 1"),
        ("step:train", "print(df, other)"),
    )
    assert loads(steps["features"]) == {"df": "load"}
    assert loads(steps["train"]) == {"df": "features", "other": "load"}
    assert steps["load"].saves == {"df", "other"}
    assert steps["features"].saves == {"df"}


@pytest.mark.parametrize(
    "change",
    [
        "df.drop(columns='a', inplace=True)", "df.loc[0, 'a'] = 1", "df.pop('a')", "del df['a']", "df += 1",
        "for frame in [df, 1]:\n    frame['x'] = 1", "add(df)",
    ],
)  # fmt: skip
def test_a_change_in_place_counts(sliced: Any, change: str) -> None:
    steps = sliced(
        ("setup", "def add(frame):\n    frame['x'] = 1"), ("step:a", "df = 1"), ("step:b", change), ("step:c", "df")
    )
    assert loads(steps["c"]) == {"df": "b"}


def test_a_name_that_the_step_makes_itself_is_not_handed_over(sliced: Any) -> None:
    steps = sliced(("step:a", "x = 1\ny = 1"), ("step:b", "x = 2\nprint(x)\n[y for y in range(3)]"))
    assert loads(steps["b"]) == {}


def test_a_name_that_may_not_be_made_is_handed_over(sliced: Any) -> None:
    steps = sliced(("step:a", "x = 1"), ("step:b", "if later():\n    x = 2"), ("step:b", "print(x)"))
    assert loads(steps["b"]) == {"x": "a"}


def test_a_deleted_name_is_not_handed_over(sliced: Any) -> None:
    steps = sliced(("step:a", "x = 1"), ("step:b", "del x"), ("step:c", "x"))
    assert loads(steps["b"]) == {"x": "a"}
    assert loads(steps["c"]) == {}


def test_what_a_called_function_reads_is_handed_over(sliced: Any) -> None:
    steps = sliced(
        ("setup", "def inner():\n    return rate\ndef outer():\n    return inner()"),
        ("step:a", "rate = 2\nunused = 3"),
        ("step:b", "print(outer())"),
        ("step:c", "print(1)"),
    )
    assert loads(steps["b"]) == {"rate": "a"}
    assert loads(steps["c"]) == {}


def test_setup_runs_in_every_step_up_to_its_last_cell(sliced: Any) -> None:
    steps = sliced(
        ("setup", "import a"), ("step:one", "x = 1"), ("setup", "import b"), ("step:two", "y = 1"),
        ("setup", "import c"), ("step:two", "z = 1"),
    )  # fmt: skip
    assert [cell.number for cell in steps["one"].setup] == [1]
    assert [cell.number for cell in steps["two"].setup] == [1, 3]
    assert [cell.number for cell in steps["two"].own] == [4, 5, 6]


MIXED = """import numpy as np
from x import plt, cache
from math import *
@cache
def f(x):
    return np.sin(x) * g(x)
g = lambda x: x
model = train_for_hours()
np.random.seed(0)
plt.rcParams['x'] = 1"""


def test_only_the_definition_of_a_mixed_cell_runs_again(sliced: Any) -> None:
    steps = sliced(
        ("step:a", MIXED),
        ("step:b", "print(f(1), model)"),
    )
    assert steps["b"].early == (
        "import numpy as np",
        "from x import plt, cache",
        "from math import *",
        "@cache\ndef f(x):\n    return np.sin(x) * g(x)",
        "g = lambda x: x",
        "plt.rcParams['x'] = 1",
    )
    assert loads(steps["b"]) == {"model": "a", RANDOM: "a"}


def test_a_magic_of_a_mixed_cell_runs_again_and_a_shell_command_does_not(sliced: Any) -> None:
    steps = sliced(("step:a", "%load_ext something\n!ls\n%time x = 1\ny = 2"), ("step:b", "print(y)"))
    assert steps["b"].early == ("%load_ext something",)


def test_a_definition_that_needs_a_value_comes_after_the_load(sliced: Any) -> None:
    steps = sliced(
        ("step:a", "base = 1\nclass A:\n    pass\nclass B(A):\n    size = base\nclass C(B):\n    pass"),
        ("step:b", "print(C())"),
    )
    assert [source.split("\n")[0] for source in steps["b"].early] == ["class A:"]
    assert [source.split("\n")[0] for source in steps["b"].late] == ["class B(A):", "class C(B):"]
    assert loads(steps["b"]) == {"base": "a"}


def test_a_name_that_is_a_value_in_the_end_is_handed_over(sliced: Any) -> None:
    steps = sliced(("step:a", "def f():\n    pass\nf = wrap(f)"), ("step:b", "f()"))
    assert loads(steps["b"]) == {"f": "a"}
    assert steps["b"].early == ()


def test_outputs_are_saved_by_the_step_that_touches_them_last(sliced: Any) -> None:
    steps = sliced(
        ("setup", "from x import clf"), ("step:a", "model = 1\nX = 2"), ("step:b", "model.fit(X)"), ("step:c", "X"),
        model="model", features="X", target="clf",
    )  # fmt: skip
    assert {name: set(part.outputs) for name, part in steps.items()} == {"a": {"X"}, "b": {"model"}, "c": {"clf"}}


def test_an_unknown_output_is_an_error_with_the_nearest_name(sliced: Any) -> None:
    with pytest.raises(NotebookError, match=r"'modle'.*'model'") as caught:
        sliced(("step:a", "model = 1"), model="modle")
    assert "did you mean 'model'?" in caught.value.message


def test_the_random_state_is_handed_on_only_where_the_notebook_seeds(sliced: Any) -> None:
    cells = [("step:a", "x = np.random.rand()"), ("step:b", "y = 1"), ("step:c", "z = 1")]
    assert RANDOM not in sliced(*cells)["b"].loads
    seeded = sliced(("setup", "np.random.seed(1)"), *cells)
    assert [loads(part).get(RANDOM) for part in seeded.values()] == [None, "a", "b"]


def test_definitions_for_pickles_are_those_of_every_later_step(sliced: Any) -> None:
    steps = sliced(
        ("setup", "class A:\n    pass"), ("step:one", "a = A()"), ("step:two", "print(a)"),
        ("setup", "class B:\n    pass"), ("step:three", "print(a)"),
    )  # fmt: skip
    assert steps["one"].shared_definitions == {"A"}


def test_a_cell_that_is_no_python_is_named(sliced: Any) -> None:
    with pytest.raises(NotebookError, match=r"Cell 2: .*not valid Python"):
        sliced(("step:a", "x = 1"), "y = = 2")


def test_parameters_are_not_handed_over_unless_changed(sliced: Any) -> None:
    steps = sliced(("parameters", "n = 1\nm = 1"), ("step:a", "n = n + 1"), ("step:b", "print(n, m)"))
    assert loads(steps["b"]) == {"n": "a"}
    assert steps["b"].reads >= {"n", "m"}
