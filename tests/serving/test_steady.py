"""What else is asked with a row changes nothing of its answer, not the last bit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from mvops.core.signature import Column, Signature
from mvops.serving.answers import Answers
from mvops.serving.estimator import Estimator
from mvops.serving.steady import steady

WIDTH = 30


@pytest.fixture(scope="module", params=[LogisticRegression, MLPClassifier])
def asked(request):
    random = np.random.default_rng(0)
    names = [f"c{n}" for n in range(WIDTH)]
    frame = pd.DataFrame(random.normal(size=(400, WIDTH)), columns=names)
    options = {"max_iter": 20, "hidden_layer_sizes": (16,)} if request.param is MLPClassifier else {}
    model = request.param(**options).fit(frame, random.integers(0, 4, 400))
    columns = tuple(Column(name=name, kind="number", example=0.0) for name in names)
    signature = Signature(columns=columns, task="classification", classes=(0, 1, 2, 3), probabilities=True)
    return Estimator(model, signature), [frame[name].tolist() for name in names]


def split(predict, columns, size):
    found = []
    for start in range(0, 200, size):
        found += predict([values[start : min(start + size, 200)] for values in columns]).probabilities
    return found


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_row_s_answer_does_not_depend_on_the_others(asked):
    estimator, columns = asked
    whole = steady(estimator)([values[:200] for values in columns]).probabilities
    for size in (1, 2, 3, 5, 7, 8, 64):
        assert split(steady(estimator), columns, size) == whole
    assert split(estimator, columns, 1) != whole  # the negative control: as the model itself is asked, it does


def test_rows_that_were_added_are_told_of_nobody():
    seen = []

    def predict(columns):
        seen.append(columns)
        return Answers(list(columns[0]), None, frozenset(range(len(columns[0]))))

    answers = steady(predict)([[1, 2, 3], ["a", "b", "c"]])
    assert answers == Answers([1, 2, 3], None, frozenset({0, 1, 2}))
    assert seen == [[[1, 2, 3, 3, 3, 3, 3, 3], ["a", "b", "c", "c", "c", "c", "c", "c"]]]
    assert steady(predict)([list(range(16))]).predictions == list(range(16))
