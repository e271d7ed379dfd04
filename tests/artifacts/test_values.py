from __future__ import annotations

import io
import pickle
import subprocess
import sys

import cloudpickle
import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from sklearn.linear_model import LinearRegression
from skops.io import dumps

from mvops.artifacts.values import dump_frame, load_value
from mvops.errors import ArtifactError, MissingExtraError


def npy(array: np.ndarray, **options: bool) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


def test_a_table_comes_back_with_its_types_and_index():
    frame = pd.DataFrame(
        {
            "whole": pd.array([1, None, 3], dtype="Int64"),
            "number": [0.1, np.nan, np.inf],
            "when": pd.to_datetime(["2026-01-01T00:00:00.123456789Z", None, "1970-01-01T00:00Z"], format="ISO8601"),
            "category": pd.Categorical(["a", "b", None], categories=["b", "a", "never"]),
            "text": ["é\x00", None, ""],
            "flag": [True, False, True],
        },
        index=pd.Index([10, 20, 30], name="row"),
    )
    data, format_ = dump_frame(frame)
    assert format_ == "parquet"
    assert_frame_equal(load_value(data, "parquet", trusted_pickle=False), frame)


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"mixed": [1, "a"]}),
        pd.DataFrame([[1, 2]], columns=["same", "same"]),
        pd.DataFrame({"object": [object()]}),
    ],
    ids=["mixed", "double", "object"],
)
def test_a_table_that_parquet_cannot_hold_names_the_column(frame):
    with pytest.raises(ArtifactError, match="|".join(frame.columns)):
        dump_frame(frame)


@pytest.mark.parametrize(
    "array", [np.arange(6.0).reshape(2, 3), np.array(["a", "é"]), np.array(3), np.zeros((0, 4), dtype="i2")]
)
def test_an_array_comes_back(array):
    loaded = load_value(npy(array), "npy", trusted_pickle=False)
    np.testing.assert_array_equal(loaded, array)
    assert loaded.dtype == array.dtype


def test_an_array_of_objects_is_refused_even_where_pickles_are_trusted():
    data = npy(np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ArtifactError, match="cannot be read as npy"):
        load_value(data, "npy", trusted_pickle=True)


def test_what_follows_an_array_is_not_overlooked():
    with pytest.raises(ArtifactError, match="something follows"):
        load_value(npy(np.arange(3)) + b"x", "npy", trusted_pickle=False)


def test_json_and_skops():
    assert load_value(b'{"a": [1, null]}', "json", trusted_pickle=False) == {"a": [1, None]}
    model = LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0])
    loaded = load_value(dumps(model), "skops", trusted_pickle=False)
    assert loaded.predict([[2.0]]).tolist() == model.predict([[2.0]]).tolist()


@pytest.mark.parametrize("format_", ["cloudpickle", "pickle"])
def test_a_pickle_needs_trust(format_):
    data = cloudpickle.dumps([1, 2])
    assert load_value(data, format_, trusted_pickle=True) == [1, 2]
    with pytest.raises(ArtifactError, match="not trusted"):
        load_value(data, format_, trusted_pickle=False)


@pytest.mark.parametrize("format_", ["json", "npy", "parquet", "skops"])
@pytest.mark.parametrize("data", [b"", b"garbage", pickle.dumps([1])], ids=["empty", "garbage", "pickle"])
def test_bytes_that_are_something_else_are_refused(format_, data):
    with pytest.raises(ArtifactError, match=format_):
        load_value(data, format_, trusted_pickle=True)


def test_an_unknown_format_names_the_known_ones():
    with pytest.raises(ArtifactError, match="'feather'") as caught:
        load_value(b"", "feather", trusted_pickle=False)
    assert "cloudpickle, json, npy, parquet, pickle, skops" in caught.value.hint


def test_without_pyarrow_the_extra_is_named(monkeypatch):
    data, _ = dump_frame(pd.DataFrame({"a": [1]}))
    for module in [name for name in sys.modules if name.partition(".")[0] == "pyarrow"]:
        monkeypatch.setitem(sys.modules, module, None)
    for attempt in (
        lambda: load_value(data, "parquet", trusted_pickle=False),
        lambda: dump_frame(pd.DataFrame({"a": [1]})),
    ):
        with pytest.raises(MissingExtraError) as caught:
            attempt()
        assert "mvops[parquet]" in caught.value.hint


def test_importing_the_package_loads_no_heavy_library():
    code = "import sys, mvops.artifacts.store, mvops.artifacts.values; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numpy", "pandas", "sklearn", "skops", "pyarrow", "cloudpickle"} & set(loaded)
