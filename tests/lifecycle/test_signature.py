from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.svm import LinearSVC

from mvops.core.signature import Column, Signature
from mvops.errors import DataError
from mvops.lifecycle.signature import describe

COUNT = 4
TARGET = [0, 1, 0, 1]


def columns(features: pd.DataFrame, **keywords) -> dict[str, Column]:
    found = describe(features, TARGET, object(), "classification", **keywords)
    assert Signature.model_validate_json(found.model_dump_json()) == found
    return {column.name: column for column in found.columns}


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1.5, 2.0, 3.0, 4.0], "number"),
        (np.arange(4, dtype="int8"), "integer"),
        (np.arange(4, dtype="float32"), "number"),
        (pd.array([1, 2, None, 4], dtype="Int64"), "integer"),
        ([True, False, True, True], "boolean"),
        (pd.array([True, None, True, True], dtype="boolean"), "boolean"),
        (np.array([True, None, True, True], dtype=object), "boolean"),
        (["a", "b", None, "a"], "category"),
        (pd.array(["a", "b", None, "a"], dtype="string"), "category"),
        (pd.Categorical(["a", "b", None, "a"]), "category"),
        (pd.Categorical([3, 1, 2, 1]), "integer"),
        (np.array([1, 2.5, None, 4], dtype=object), "number"),
        (np.array([1, 2, None, 4], dtype=object), "integer"),
        (pd.date_range("2013-01-01", periods=4), "datetime"),
        (pd.date_range("2013-01-01", periods=4, tz="UTC"), "datetime"),
        ([dt.date(2013, 1, 1)] * 4, "datetime"),
        ([None] * 4, "text"),
        ([np.nan] * 4, "text"),
    ],
)
def test_the_kind_of_a_column(values, kind):
    column = columns(pd.DataFrame({"x": values}))["x"]
    assert column.kind == kind
    assert column.nullable is bool(pd.Series(values).isna().any())


def test_categories_are_sorted_and_more_than_a_thousand_are_text():
    names = [f"c{i:04}" for i in range(1001)]
    target = [i % 2 for i in range(1001)]
    found = describe(pd.DataFrame({"x": names}), target, object(), "classification").columns[0]
    assert (found.kind, found.categories) == ("text", ())
    found = describe(pd.DataFrame({"x": names[1:][::-1]}), target[1:], object(), "classification").columns[0]
    assert (found.kind, len(found.categories), found.categories[0]) == ("category", 1000, "c0001")


def test_the_range_leaves_out_what_is_missing_or_infinite():
    found = columns(pd.DataFrame({"x": [np.nan, 2.5, np.inf, -1.0], "n": [4, 2, 3, 4], "t": list("abcd")}))
    assert (found["x"].low, found["x"].high) == (-1.0, 2.5)
    assert (found["n"].low, found["n"].high) == (2.0, 4.0)
    assert (found["t"].low, found["t"].high) == (None, None)


def test_training_rows_widen_what_was_seen_but_not_the_columns():
    held_out = pd.DataFrame({"x": [1.0, 2, 3, 4], "k": list("abab")})
    train = pd.DataFrame({"k": ["c", None], "x": [9.0, np.nan], "more": [1, 2]})
    found = columns(held_out, train_features=train)
    assert list(found) == ["x", "k"]
    assert (found["x"].low, found["x"].high, found["x"].nullable) == (1.0, 9.0, True)
    assert (found["k"].categories, found["k"].nullable) == (("a", "b", "c"), True)


def test_integers_that_are_missing_in_one_part_only_are_numbers():
    found = columns(pd.DataFrame({"x": [1, 2, 3, 4]}), train_features=pd.DataFrame({"x": [1.0, np.nan]}))
    assert found["x"].kind == "number"
    found = columns(pd.DataFrame({"x": [np.nan] * 4}), train_features=pd.DataFrame({"x": [1.0, 2.0]}))
    assert (found["x"].kind, found["x"].nullable, found["x"].high) == ("number", True, 2.0)


def test_examples_are_one_real_complete_row_of_plain_values():
    frame = pd.DataFrame(
        {
            "x": [np.nan, np.inf, 2.5, 3.0],
            "n": np.array([1, 2, 3, 4], dtype="int32"),
            "b": [True, True, False, True],
            "t": ["a", "b", "c", None],
            "when": pd.date_range("2013-01-01 05:00", periods=4, tz="UTC"),
        }
    )
    examples = {name: column.example for name, column in columns(frame).items()}
    assert examples == {"x": 2.5, "n": 3, "b": False, "t": "c", "when": "2013-01-03T05:00:00+00:00"}
    assert {name: type(value) for name, value in examples.items()} == {
        "x": float, "n": int, "b": bool, "t": str, "when": str,
    }  # fmt: skip


def test_without_a_complete_row_the_example_is_the_one_with_the_fewest_gaps():
    frame = pd.DataFrame({"a": [None, None, "x", "y"], "b": [None, "q", "r", None], "c": [None] * 4})
    found = columns(frame)
    assert (found["a"].example, found["b"].example, found["c"].example) == ("x", "r", None)
    assert columns(pd.DataFrame({"x": [np.inf] * 4}))["x"].example is None


def test_classes_are_plain_values_in_the_order_of_the_probabilities():
    features = pd.DataFrame({"x": [1.0, 2, 3, 4]})
    for target, expected in (
        (np.array(["b", "a", "b", "a"]), ("a", "b")),
        (np.array([2, 1, 2, 1], dtype="int8"), (1, 2)),
        (np.array([True, False, True, False]), (False, True)),
    ):
        found = describe(features, target, LogisticRegression().fit(features, target), "classification")
        assert found.classes == expected
        assert [type(value) for value in found.classes] == [type(value) for value in expected]
        assert found.probabilities
    assert not describe(features, TARGET, LinearSVC().fit(features, TARGET), "classification").probabilities


def test_a_regressor_has_no_classes():
    features = pd.DataFrame({"x": [1.0, 2, 3, 4]})
    found = describe(features, TARGET, LinearRegression().fit(features, TARGET), "regression")
    assert (found.task, found.classes, found.probabilities) == ("regression", (), False)


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (pd.DataFrame({0: TARGET}), "Column names must be text; 0 is not"),
        (pd.DataFrame([[1, 2]] * 4, columns=["a", "a"]), "'a' occurs twice"),
        (pd.DataFrame(index=range(4)), "have no columns"),
        (pd.DataFrame({"a": [[1], [2], [3], [4]]}), "'a' holds mixed values"),
        (pd.DataFrame({"a": [1, "x", 2, 3]}), "'a' holds mixed-integer values"),
        (pd.DataFrame({"a": pd.to_timedelta(TARGET, unit="s")}), r"'a' holds timedelta64? values"),
        (pd.DataFrame({"a": np.array(TARGET, dtype=complex)}), "'a' holds complex values"),
    ],
)
def test_features_that_no_request_could_carry(features, message):
    with pytest.raises(DataError, match=message):
        columns(features)


def test_a_column_that_changes_its_kind_between_training_and_held_out_rows():
    with pytest.raises(DataError, match="'a' is category in one, integer in the other"):
        columns(pd.DataFrame({"a": TARGET}), train_features=pd.DataFrame({"a": ["x", "y"]}))


def test_classes_that_no_answer_could_carry():
    model = LogisticRegression()
    model.classes_ = np.array([pd.Timestamp("2013-01-01"), None], dtype=object)
    with pytest.raises(DataError, match="is neither text, number nor boolean"):
        describe(pd.DataFrame({"a": TARGET}), TARGET, model, "classification")


def test_names_that_are_awkward_elsewhere_are_kept_as_they_are():
    assert list(columns(pd.DataFrame({"class": TARGET, "a.b": TARGET, "": TARGET}))) == ["class", "a.b", ""]
