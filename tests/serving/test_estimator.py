"""What a model is given and what is made of its answers (hardening XM5)."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from serving_support import CLASSIFICATION, LATE, ON_TIME, REGRESSION, classifier, doubler
from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.svm import SVC

from mvops.core.signature import Column, Signature
from mvops.errors import ServingError
from mvops.serving.estimator import Estimator
from mvops.serving.rows import RowReader


def columns(signature, *rows):
    return RowReader(signature.columns, 1000).read(list(rows))


def test_answers_are_those_of_the_pipeline_asked_directly():
    model = classifier()
    answers = Estimator(model, CLASSIFICATION)(columns(CLASSIFICATION, LATE, ON_TIME))
    frame = pd.DataFrame([LATE, ON_TIME])
    assert answers.predictions == model.predict(frame).tolist() == [1, 0]
    assert answers.probabilities == model.predict_proba(frame).tolist()
    assert [type(value) for value in answers.predictions] == [int, int]
    assert answers.bad == frozenset()


@pytest.mark.parametrize("labels", [(0, 1), ("early", "late"), (False, True), (1.0, 2.0)])
@pytest.mark.parametrize("make", [lambda: RandomForestClassifier(20, n_jobs=2, random_state=0), SVC])
def test_labels_come_back_in_their_own_type(labels, make):
    frame = pd.DataFrame({"a": np.arange(40.0), "b": np.arange(40)[::-1] % 7})
    model = make().fit(frame, np.array(labels)[(frame["a"] > 20).astype(int)])
    signature = Signature(
        columns=(Column(name="a", kind="number", example=1.0), Column(name="b", kind="integer", example=1)),
        task="classification",
        classes=labels,
        probabilities=hasattr(model, "predict_proba"),
    )
    rows = [{"a": float(n), "b": n % 7} for n in range(0, 40, 3)]
    answers = Estimator(model, signature)(columns(signature, *rows))
    assert answers.predictions == model.predict(pd.DataFrame(rows)).tolist()
    assert {type(value) for value in answers.predictions} == {type(labels[0])}


def test_a_label_that_the_model_gives_as_another_type_is_the_signatures():
    class AsFloats(BaseEstimator):
        def predict(self, frame):
            return np.ones(len(frame))

    signature = REGRESSION.model_copy(update={"task": "classification", "classes": (0, 1)})
    (answer,) = Estimator(AsFloats(), signature)([[5.0]]).predictions
    assert (answer, type(answer)) == (1, int)


def test_an_estimator_fitted_on_pandas_categories_gets_them():
    frame = pd.DataFrame({"c": pd.Categorical(["a", "b"] * 60), "n": np.arange(120.0)})
    model = HistGradientBoostingClassifier(categorical_features="from_dtype", max_iter=20, min_samples_leaf=5)
    model.fit(frame, np.array([0, 1] * 60))
    signature = Signature(
        columns=(
            Column(name="c", kind="category", categories=("a", "b"), nullable=True, example="a"),
            Column(name="n", kind="number"),
        ),
        task="classification",
        classes=(0, 1),
        probabilities=True,
    )
    rows = [{"c": "a", "n": 1.0}, {"c": "b", "n": 1.0}, {"c": "new", "n": 1}, {"c": None, "n": 1}]
    assert Estimator(model, signature)(columns(signature, *rows)).predictions[:2] == [0, 1]


class Keep(BaseEstimator):
    """Keeps the frame that it was asked for."""

    frame: pd.DataFrame

    def predict(self, frame):
        Keep.frame = frame
        return np.zeros(len(frame))


def test_columns_have_the_types_of_training_and_null_is_not_a_number():
    kinds = ("number", "integer", "boolean", "category", "text", "datetime")
    plain = tuple(Column(name=kind, kind=kind) for kind in kinds)
    nullable = tuple(Column(name=f"{kind}_or_null", kind=kind, nullable=True) for kind in kinds)
    signature = Signature(columns=plain + nullable, task="regression")
    values = [1, 2, True, "c", "t", datetime(2026, 1, 31, 12, tzinfo=UTC)]
    answers = Estimator(Keep(), signature)([[v, v] for v in values] + [[None, v] for v in values])
    assert answers.predictions == [0.0, 0.0]
    frame = Keep.frame
    assert list(frame.columns) == [column.name for column in signature.columns]
    types = [str(dtype) for dtype in frame.dtypes]
    assert types[:6] == ["float64", "int64", "bool", "object", "object", "datetime64[ns]"]
    assert types[6:] == ["float64", "float64", "object", "object", "object", "datetime64[ns]"]
    assert frame["datetime"][0] == pd.Timestamp("2026-01-31 12:00")
    assert frame.iloc[0, 6:].isna().all()
    assert frame.iloc[1, 6:].notna().all()
    assert math.isnan(frame["category_or_null"][0])


def test_what_is_no_finite_number_is_told_row_by_row():
    estimator = Estimator(doubler(), REGRESSION)
    answers = estimator([[1.0, 1.7e308, 3.0]])
    assert answers.bad == frozenset({1})
    assert answers.predictions[0] == pytest.approx(2)


class Strange(BaseEstimator):
    """Answers the example well, and then something of another shape."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = 0

    def predict(self, frame):
        self.asked += 1
        return np.zeros(len(frame)) if self.asked == 1 else self.answer

    def predict_proba(self, frame):
        return np.full((len(frame), 2), 0.5) if self.asked == 0 else np.zeros((1, 3))


def test_an_answer_of_another_shape_is_an_error_and_a_column_is_fine():
    for answer in (np.zeros(3), np.zeros((2, 2)), np.zeros((1, 2)), 5.0):
        with pytest.raises(ValueError, match="predictions of the shape"):
            Estimator(Strange(answer), REGRESSION)([[1.0, 2.0]])
    assert Estimator(Strange(np.ones((2, 1))), REGRESSION)([[1.0, 2.0]]).predictions == [1.0, 1.0]
    signature = REGRESSION.model_copy(update={"task": "classification", "classes": (0, 1), "probabilities": True})
    with pytest.raises(ValueError, match="probabilities of the shape"):
        Estimator(Strange(None), signature)([[1.0, 2.0]])


def test_a_model_that_cannot_predict_its_own_example_is_refused():
    signature = REGRESSION.model_copy(update={"columns": (Column(name="another", kind="text", example="x"),)})
    with pytest.raises(ServingError, match="cannot predict its own example"):
        Estimator(doubler(), signature)
    nothing = Signature(columns=(Column(name="x", kind="category", nullable=True),), task="regression")
    with pytest.raises(ServingError, match="cannot predict its own example"):
        Estimator(doubler(), nothing)
