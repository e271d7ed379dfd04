"""What the code inside the kernel saves and loads; run here by its path, as a kernel does."""

from __future__ import annotations

import ast
import json
import math
import runpy
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from mvops.artifacts import tables
from mvops.artifacts.values import load_value
from mvops.notebook import handover

FUNCTIONS = runpy.run_path(handover.__file__)


def save(folder: Path, scope: dict[str, Any], **request: Any) -> dict[str, Any]:
    request = {"values": list(scope), "outputs": [], "definitions": [], "random": False, **request}
    (folder / "request.json").write_text(json.dumps(request))
    FUNCTIONS["save"](scope, str(folder))
    manifest: dict[str, Any] = json.loads((folder / "values.json").read_text())
    return manifest


def load(folder: Path) -> dict[str, Any]:
    scope: dict[str, Any] = {}
    FUNCTIONS["load"](scope, str(folder))
    return scope


def through(folder: Path, value: Any, **request: Any) -> tuple[str, Any]:
    manifest = save(folder, {"value": value}, **request)
    return manifest["values"]["value"]["format"], load(folder)["value"]


@pytest.mark.parametrize(
    "value",
    [None, True, 0, -1.5, 1e-300, 0.1 + 0.2, "", "\u2028 \udc80 'x'", [1, [2.0, None]], {"a": {"b": [True]}}, 10**30],
)
def test_plain_values_travel_as_json_and_come_back_exactly(tmp_path: Path, value: Any) -> None:
    kind, back = through(tmp_path, value)
    assert kind == "json"
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize(
    "value",
    [(1, 2), {1: "a"}, {"a": (1,)}, {1, 2}, np.float64(0.5), b"x", math.inf, np.int64(3), True + 2j, 10**5000],
    ids=lambda value: type(value).__name__,
)
def test_what_json_would_change_is_pickled(tmp_path: Path, value: Any) -> None:
    kind, back = through(tmp_path, value)
    assert kind == "cloudpickle"
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize(
    "value",
    [
        np.arange(6.0).reshape(2, 3),
        np.asfortranarray(np.eye(3, dtype="float32")),
        np.array(["2024-01-01"], dtype="datetime64[ns]"),
        np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
        np.array(["x", "yy"]),
        np.array(5),
        np.zeros((0, 4), dtype=bool),
    ],
)
def test_arrays_travel_as_npy(tmp_path: Path, value: np.ndarray[Any, Any]) -> None:
    kind, back = through(tmp_path, value)
    assert kind == "npy"
    assert back.dtype == value.dtype
    assert back.flags.f_contiguous == value.flags.f_contiguous
    np.testing.assert_array_equal(back, value)


def test_an_array_of_objects_is_pickled(tmp_path: Path) -> None:
    kind, back = through(tmp_path, np.array([{"a": 1}, None], dtype=object))
    assert kind == "cloudpickle"
    assert back[0] == {"a": 1}


TIMES = pd.date_range("2024-01-01", periods=3, freq="D", tz="Europe/Berlin")
FRAMES = {
    "plain": pd.DataFrame({"a": [1, 2, 3], "b": [1.5, float("nan"), 3.0], "c": ["x", "y", "z"]}),
    "filtered": pd.DataFrame({"a": range(6)}).query("a % 2"),
    "text index": pd.DataFrame({"a": [1, 2]}, index=pd.Index(["x", "y"], name="key")),
    "two-level index": pd.DataFrame(
        {"a": [1, 2]}, index=pd.MultiIndex.from_tuples([("x", 1), ("y", 2)], names=["k", None])
    ),
    "categories": pd.DataFrame({"c": pd.Categorical(["b", "a"], categories=["b", "a", "never"], ordered=True)}),
    "times": pd.DataFrame({"t": TIMES, "d": TIMES - TIMES[0]}),
    "nullable": pd.DataFrame({"i": pd.array([1, None], dtype="Int64"), "s": pd.array(["a", None], dtype="string")}),
    "empty": pd.DataFrame({"a": pd.Series([], dtype="float32")}),
}


@pytest.mark.parametrize("name", FRAMES)
def test_frames_travel_as_parquet(tmp_path: Path, name: str) -> None:
    kind, back = through(tmp_path, FRAMES[name])
    assert kind == "parquet"
    pd.testing.assert_frame_equal(back, FRAMES[name], check_exact=True, check_index_type="equiv")


UNFIT = {
    "mixed objects": pd.DataFrame({"a": [1, "x"]}),
    "NaN among text": pd.DataFrame({"a": ["x", float("nan")]}),
    "lists": pd.DataFrame({"a": [[1], [2, 3]]}),
    "booleans with None": pd.DataFrame({"a": [True, 1]}, dtype=object),
    "number as column": pd.DataFrame([[1, 2]], columns=[1, "b"]),
    "same column twice": pd.DataFrame([[1, 2]], columns=["a", "a"]),
    "no columns": pd.DataFrame(index=range(3)),
    "daily index": pd.DataFrame({"a": [1, 2, 3]}, index=TIMES),
}


@pytest.mark.parametrize("name", UNFIT)
def test_frames_that_parquet_would_change_are_tables_or_pickled(tmp_path: Path, name: str) -> None:
    kind, back = through(tmp_path, UNFIT[name])
    assert kind == ("cloudpickle" if name == "lists" else "table")
    pd.testing.assert_frame_equal(back, UNFIT[name])
    assert [list(map(type, back.iloc[:, i])) for i in range(back.shape[1])] == [
        list(map(type, UNFIT[name].iloc[:, i])) for i in range(back.shape[1])
    ]


TABLES = FRAMES | {
    "zones": pd.DataFrame({"t": TIMES.tz_convert("Europe/Berlin")}, index=pd.DatetimeIndex(list(TIMES))),
    "numbers as columns": pd.DataFrame(np.eye(2)),
}


@pytest.mark.parametrize("name", TABLES)
def test_frames_travel_as_tables_without_pyarrow(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    kind, back = through(tmp_path, TABLES[name])
    assert kind == ("cloudpickle" if name in {"two-level index", "nullable"} else "table")
    pd.testing.assert_frame_equal(back, TABLES[name], check_exact=True)
    value = load_value((tmp_path / f"000_value.{kind}").read_bytes(), kind, trusted_pickle=kind == "cloudpickle")
    pd.testing.assert_frame_equal(value, TABLES[name], check_exact=True)
    series = pd.Series(["a", None, 1.5], index=[5, 7, 9], name="target")
    kind, back = through(tmp_path, series)
    assert kind == "table"
    pd.testing.assert_series_equal(back, series)


@pytest.mark.parametrize("name", ["target", None, 3])
def test_series_travel_as_parquet_with_their_name(tmp_path: Path, name: Any) -> None:
    series = pd.Series([0, 1, 0], index=[5, 7, 9], name=name)
    kind, back = through(tmp_path, series)
    assert kind == "parquet"
    pd.testing.assert_series_equal(back, series)
    assert type(back.name) is type(name)


X, Y = np.random.default_rng(0).normal(size=(60, 3)), np.tile([0, 1], 30)


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(StandardScaler(), RandomForestClassifier(5, random_state=0)),
        HistGradientBoostingClassifier(max_iter=5),
        make_pipeline(FunctionTransformer(np.log1p), StandardScaler()),
    ],
)
def test_estimators_travel_as_skops(tmp_path: Path, model: Any) -> None:
    fitted = model.fit(np.abs(X), Y)
    kind, back = through(tmp_path, fitted)
    assert kind == "skops"
    answer = "predict_proba" if hasattr(fitted, "predict_proba") else "transform"
    np.testing.assert_array_equal(getattr(back, answer)(np.abs(X)), getattr(fitted, answer)(np.abs(X)))


def test_an_estimator_with_a_function_of_the_notebook_is_pickled(tmp_path: Path) -> None:
    factor = 3.0
    kind, back = through(tmp_path, FunctionTransformer(lambda values: values * factor))
    assert kind == "cloudpickle"
    np.testing.assert_array_equal(back.transform(X), X * 3.0)


@pytest.fixture
def in_main() -> Any:
    """A class as a notebook defines it: its module is `__main__`."""
    main = sys.modules["__main__"]
    point = type("MvopsPoint", (), {"__module__": "__main__", "__eq__": lambda a, b: a.x == b.x, "__hash__": None})
    main.MvopsPoint = point  # type: ignore[attr-defined]
    yield point
    del main.MvopsPoint  # type: ignore[attr-defined]


def test_an_instance_of_a_class_that_the_next_step_defines_is_of_that_class(tmp_path: Path, in_main: Any) -> None:
    point = in_main()
    point.x = 1
    kind, back = through(tmp_path, point, definitions=["MvopsPoint"])
    assert kind == "pickle"
    assert type(back) is in_main


def test_an_instance_of_a_class_that_is_not_defined_again_brings_it_along(tmp_path: Path, in_main: Any) -> None:
    point = in_main()
    point.x = 1
    assert save(tmp_path, {"value": [point]})["values"]["value"]["format"] == "cloudpickle"
    del sys.modules["__main__"].MvopsPoint  # type: ignore[attr-defined]
    assert load(tmp_path)["value"][0].x == 1
    sys.modules["__main__"].MvopsPoint = in_main  # type: ignore[attr-defined]


def test_an_output_never_leans_on_the_notebook(tmp_path: Path, in_main: Any) -> None:
    point = in_main()
    manifest = save(tmp_path, {"value": point}, values=[], outputs=["value"], definitions=["MvopsPoint"])
    assert manifest["values"]["value"]["format"] == "cloudpickle"


def test_two_names_of_one_object_stay_one_object(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1]})
    save(tmp_path, {"left": frame, "right": frame, "other": frame.copy()})
    back = load(tmp_path)
    assert back["left"] is back["right"]
    assert back["left"] is not back["other"]


def test_modules_and_functions_travel(tmp_path: Path) -> None:
    save(tmp_path, {"module": math, "function": lambda x: x + 1})
    back = load(tmp_path)
    assert back["module"] is math
    assert back["function"](1) == 2


def test_what_cannot_be_saved_is_named(tmp_path: Path) -> None:
    with (tmp_path / "x").open("w") as file, pytest.raises(Exception, match=r"cannot save 'log' .*TextIOWrapper"):
        save(tmp_path, {"log": file})


def test_a_missing_output_is_named_and_a_missing_value_is_listed(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="'clf' does not exist"):
        save(tmp_path, {"x": 1}, outputs=["clf"])
    assert save(tmp_path, {"x": 1}, values=["x", "gone"])["absent"] == ["gone"]


@pytest.mark.parametrize("value", [[1, 2], np.arange(3), FRAMES["plain"], {1, 2}])
def test_a_changed_file_is_refused(tmp_path: Path, value: Any) -> None:
    manifest = save(tmp_path, {"value": value})
    file = tmp_path / manifest["values"]["value"]["file"]
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(Exception, match=r"cannot load 'value'.*not what was saved"):
        load(tmp_path)


def test_random_states_travel(tmp_path: Path) -> None:
    import random

    random.seed(3)
    np.random.seed(3)  # noqa: NPY002
    save(tmp_path, {}, random=True)
    expected = (random.random(), np.random.rand())  # noqa: NPY002
    random.seed(99)
    np.random.seed(99)  # noqa: NPY002
    assert load(tmp_path) == {}
    assert (random.random(), np.random.rand()) == expected  # noqa: NPY002


def test_without_cloudpickle_the_message_says_so(tmp_path: Path, in_main: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    with pytest.raises(Exception, match="it needs MvopsPoint of the notebook; install cloudpickle"):
        save(tmp_path, {"value": in_main()})
    assert through(tmp_path, {1: 2}) == ("cloudpickle", {1: 2})  # a plain pickle, which any Python reads


def test_without_pyarrow_and_skops_estimators_are_pickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scope = {"f": FRAMES["plain"], "m": StandardScaler().fit(X)}
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "skops.io", None)
    formats = {name: entry["format"] for name, entry in save(tmp_path, scope)["values"].items()}
    assert formats == {"f": "table", "m": "cloudpickle"}


def test_the_manifest_says_what_a_value_is(tmp_path: Path) -> None:
    entry = save(tmp_path, {"x": FRAMES["plain"]})["values"]["x"]
    assert entry["type"] == "pandas.core.frame.DataFrame"
    assert entry["shape"] == [3, 3]
    assert entry["size"] == (tmp_path / entry["file"]).stat().st_size


def test_it_stands_alone() -> None:
    assert isinstance(FUNCTIONS["load"], types.FunctionType)
    for module in (handover, tables):
        tree = ast.parse(Path(module.__file__).read_text(), feature_version=(3, 8))
        imported = [n for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom)]
        assert not any("mvops" in ast.unparse(each) for each in imported)
