from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from running import Project, notebook

from mvops.errors import NotebookError
from mvops.notebook.document import read_document
from mvops.notebook.injection import checked_parameters, declared_parameters, injected_source, values_for

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec=None, exclude_categories=()))
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=12
)


@given(JSON)
def test_a_value_reads_back_exactly(value: Any) -> None:  # XB2
    scope: dict[str, Any] = {}
    exec(injected_source({"x": value}), scope)
    assert repr(scope["x"]) == repr(value)


@pytest.mark.parametrize(
    "value",
    ["a" * 1_000_000, '"""', "\\" * 1001, "\u2028\n\r\0", "\ud800", {"'\"": [[]]}, 2**200],
    ids=["long", "quotes", "backslashes", "breaks", "surrogate", "key", "large"],
)
def test_a_hostile_value_reads_back_exactly(value: Any) -> None:  # XB2
    scope: dict[str, Any] = {}
    exec(injected_source({"x": value}), scope)
    assert scope["x"] == value


def values(project: Project, **options: Any) -> dict[str, Any]:
    project.write(("parameters", "n = 1\nrate: float = 0.5\npath = 'x'"), "print(n)")
    return injected(project, **options)


def injected(project: Project, **options: Any) -> dict[str, Any]:
    """What a step of the notebook gets, whatever it reads."""
    document, job = read_document(project.path, project.root), project.job(**options)
    (declared,) = checked_parameters((document,), job)
    return values_for(document, declared.names, job)


class Hostile(dict[str, Any]):
    def __str__(self) -> str:
        return "__import__('os').system('id')"

    __repr__ = __str__


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), (1,), {1: 2}, b"x", Hostile(), [Hostile()], {"a": {1}}, 1j, 10**5000],
    ids=lambda value: type(value).__name__,
)
def test_a_value_that_is_not_json_is_refused(project: Project, value: Any) -> None:  # XB2
    with pytest.raises(NotebookError, match="value of parameter 'n'"):
        values(project, parameters={"n": value})


def test_a_deep_value_is_refused(project: Project) -> None:  # XB2
    deep: list[Any] = []
    for _ in range(1000):
        deep = [deep]
    with pytest.raises(NotebookError, match="nested more than 50 deep"):
        values(project, parameters={"n": deep})


@pytest.mark.parametrize("name", ['x=1\nimport os;os.system("id")#', "class", "__builtins__", "a.b", "", "1a", "n "])
def test_a_name_that_is_no_name_is_refused(project: Project, name: str) -> None:  # XB1
    with pytest.raises(NotebookError, match="no name that a notebook's parameter can have"):
        values(project, parameters={name: 1})


def test_a_name_that_is_not_declared_is_refused_with_the_nearest(project: Project) -> None:  # XB1
    with pytest.raises(NotebookError, match="'rat' is no parameter of the notebook; did you mean 'rate'") as caught:
        values(project, parameters={"rat": 1})
    assert caught.value.hint == "Its parameters are: n, path, rate."


def test_without_a_parameters_cell_nothing_can_be_set(project: Project) -> None:
    project.write("n = 1")
    with pytest.raises(NotebookError) as caught:
        injected(project, parameters={"n": 2})
    assert caught.value.hint == "It declares no parameters."


def test_an_input_is_given_as_seen_from_the_notebooks_folder(project: Project) -> None:
    assert values(project, inputs={"path": "data/flights_*.csv"}) == {"path": "../data/flights_*.csv"}


def test_a_parameter_cannot_also_be_an_input(project: Project) -> None:
    with pytest.raises(NotebookError, match="both a parameter and an input"):
        values(project, inputs={"path": "data"}, parameters={"path": "x"})


def test_declared_parameters_tell_literals_from_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    source = "'''About'''\na = [1, {'b': -2}]\nb: str = 'x'\nc = a * 2\nd: int\nimport os"
    path.write_text(json.dumps(notebook(("parameters", source), "a")))
    declared = declared_parameters(read_document(path, tmp_path))
    assert declared.defaults == {"a": [1, {"b": -2}], "b": "x"}
    assert declared.computed == {"c"}
    assert declared.names == {"a", "b", "c"}
    assert not declared.plain
