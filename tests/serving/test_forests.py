"""The fast way through a forest gives the same bits, or is not taken."""

from __future__ import annotations

import threading
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from serving_support import REGRESSION
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)

from mvops.core.signature import Column, Signature
from mvops.serving.estimator import Estimator
from mvops.serving.forests import fast_forest

TABLE = np.random.default_rng(3).normal(size=(300, 4))


@pytest.mark.parametrize("kind", [RandomForestClassifier, ExtraTreesClassifier])
def test_classifiers_agree_to_the_last_bit(kind):
    model = kind(15, max_depth=6, random_state=0).fit(TABLE, np.digitize(TABLE[:, 0] + TABLE[:, 1], [-1, 1]))
    assert np.array_equal(fast_forest(model)(TABLE), model.predict_proba(TABLE))
    assert np.array_equal(fast_forest(model)(sparse.csr_matrix(TABLE)), model.predict_proba(TABLE))


@pytest.mark.parametrize("kind", [RandomForestRegressor, ExtraTreesRegressor])
def test_regressors_agree_to_the_last_bit(kind):
    frame = pd.DataFrame(TABLE, columns=list("abcd"))
    model = kind(15, random_state=0).fit(frame, TABLE[:, 0])
    assert np.array_equal(fast_forest(model)(frame), model.predict(frame))


def test_what_is_left_to_scikit_learn():
    labels = (TABLE[:, 0] > 0).astype(int)
    assert fast_forest(GradientBoostingClassifier(n_estimators=2).fit(TABLE, labels)) is None
    assert fast_forest(RandomForestClassifier(2).fit(TABLE, np.c_[labels, labels])) is None
    ask = fast_forest(RandomForestClassifier(2).fit(TABLE, labels))
    for odd in (np.nan, np.inf, 1e300):
        assert ask(np.array([[odd, 0, 0, 0]])) is None
    assert ask(sparse.csr_matrix((2000, 4000))) is None


def test_a_forest_that_disagrees_is_not_taken():
    class Shifted(RandomForestClassifier):
        def predict_proba(self, table):
            return super().predict_proba(table)[:, ::-1]

    Shifted.__name__, Shifted.__module__ = "RandomForestClassifier", "sklearn.ensemble._forest"
    assert fast_forest(Shifted(3).fit(TABLE, (TABLE[:, 0] > 0).astype(int))) is None


def test_a_single_leaf_is_a_forest_too():
    model = RandomForestRegressor(2).fit(TABLE, np.ones(300))
    assert fast_forest(model)(TABLE[:2]).tolist() == [1.0, 1.0]


def test_the_endpoint_answers_what_the_forest_answers_missing_values_too():
    model = RandomForestRegressor(10, random_state=0).fit(pd.DataFrame({"x": TABLE[:, 0]}), TABLE[:, 0])
    signature = REGRESSION.model_copy(update={"columns": (Column(name="x", kind="number", nullable=True),)})
    estimator = Estimator(model, signature)
    assert estimator([[0.5, -0.5]]).predictions == model.predict(pd.DataFrame({"x": [0.5, -0.5]})).tolist()
    with_gap = pd.DataFrame({"x": np.where(TABLE[:, 1] > 0, np.nan, TABLE[:, 0])})
    model = RandomForestClassifier(10, random_state=0).fit(with_gap, (TABLE[:, 0] > 0).astype(int))
    signature = Signature(columns=signature.columns, task="classification", classes=(0, 1), probabilities=True)
    asked = pd.DataFrame({"x": [0.5, np.nan]})
    answers = Estimator(model, signature)([[0.5, None]])
    assert answers.probabilities == model.predict_proba(asked).tolist()
    assert answers.predictions == model.predict(asked).tolist()


def test_threads_that_ask_at_once_leave_the_warning_filters_alone():
    model = RandomForestRegressor(10).fit(pd.DataFrame({"x": TABLE[:, 0]}), TABLE[:, 0])
    signature = REGRESSION.model_copy(update={"columns": (Column(name="x", kind="number", nullable=True),)})
    estimators = [Estimator(model, signature) for _ in range(2)]
    estimators[0]._fast = estimators[1]._fast = None  # scikit-learn's way is the one that changes the filters
    before = list(warnings.filters)

    def ask(estimator):
        for _ in range(15):
            estimator([[0.5]])

    threads = [threading.Thread(target=ask, args=(estimator,)) for estimator in estimators * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(warnings.filters) == before
    with warnings.catch_warnings():
        warnings.resetwarnings()
        estimators[0]([[0.5]])
        assert warnings.filters
