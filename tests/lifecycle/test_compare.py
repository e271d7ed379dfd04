from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from mvops.core.config.model import CLASSIFICATION, REGRESSION, Evaluate
from mvops.errors import DataError
from mvops.lifecycle.compare import Bootstrap, Comparison, compare_on_same_rows
from mvops.lifecycle.metrics import measure
from mvops.lifecycle.resample import resampled, resamples
from mvops.lifecycle.scores import Scores, score


def data(count: int, classes: int = 2, seed: int = 1):
    random = np.random.default_rng(seed)
    features = pd.DataFrame(random.normal(size=(count, 3)).round(1), columns=["a", "b", "c"])  # rounded: ties
    target = pd.qcut(features["a"] + features["b"] / 2 + random.normal(size=count), classes, labels=False)
    return features, target


def repeated(scores: Scores, counts: np.ndarray) -> Scores:
    """The resample written out, row by row."""
    index = np.repeat(np.arange(len(counts)), counts.astype(int))
    return Scores(
        scores.estimator,
        scores.truth[index],
        scores.predicted[index],
        scores.raw[index],
        scores.classes,
        scores.known,
        None if scores.probabilities is None else scores.probabilities[index],
        None if scores.ranking is None else scores.ranking[index],
    )


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("metric", sorted(CLASSIFICATION))
def test_a_resampled_metric_equals_scikit_learns_on_the_repeated_rows(metric, classes):
    features, target = data(200, classes)
    scores = score(DecisionTreeClassifier(max_depth=3).fit(features, target), features, target, "classification")
    weights = next(resamples(200, 6, seed=3))
    expected = [measure(metric, repeated(scores, row)) for row in weights]
    assert resampled(metric, scores, weights) == pytest.approx(expected)


@pytest.mark.parametrize("metric", sorted(REGRESSION))
def test_a_resampled_regression_metric_equals_scikit_learns(metric):
    features, target = data(200, 5)
    scores = score(LinearRegression().fit(features, target), features, target + 1e6, "regression")
    weights = next(resamples(200, 6, seed=3))
    assert resampled(metric, scores, weights) == pytest.approx([measure(metric, repeated(scores, w)) for w in weights])


def test_resamples_have_every_row_count_and_come_in_chunks_that_do_not_change_them():
    small = np.concatenate(list(resamples(7, 30, seed=5)))
    assert small.shape == (30, 7)
    assert set(small.sum(axis=1)) == {7.0}
    large = list(resamples(900_000, 5, seed=5))
    assert [len(chunk) for chunk in large] == [2, 2, 1]


def judged(*metrics: str) -> Evaluate:
    task = "classification" if metrics[0] in CLASSIFICATION else "regression"
    return Evaluate.model_validate({"task": task, "metrics": metrics})


def test_the_better_of_two_is_seen_with_an_interval_that_excludes_zero():
    features, target = data(4000)
    champion = LogisticRegression().fit(features[["b"]], target)
    challenger = LogisticRegression().fit(features, target)
    found = compare_on_same_rows(champion, challenger, features, target, judged("roc_auc", "log_loss"))
    auc, loss = found.differences["roc_auc"], found.differences["log_loss"]
    assert found.comparable
    assert auc.difference == pytest.approx(auc.challenger - auc.champion)
    assert 0 < auc.low < auc.difference < auc.high
    assert loss.low < loss.difference < loss.high < 0
    assert found.champion == {"roc_auc": auc.champion, "log_loss": loss.champion}
    assert found.challenger["roc_auc"] == auc.challenger
    assert Comparison.model_validate_json(found.model_dump_json()) == found


def test_a_model_against_itself_differs_by_nothing_and_the_seed_decides_the_interval():
    features, target = data(500)
    one, two = LogisticRegression().fit(features, target), LogisticRegression(C=0.001).fit(features, target)
    same = compare_on_same_rows(one, one, features, target, judged("roc_auc", "f1")).differences
    assert {(d.difference, d.low, d.high) for d in same.values()} == {(0.0, 0.0, 0.0)}
    seeds = [
        compare_on_same_rows(one, two, features, target, judged("log_loss"), bootstrap=Bootstrap(seed=seed))
        for seed in (1, 1, 2)
    ]
    assert seeds[0] == seeds[1] != seeds[2]


def test_the_interval_covers_the_true_difference_as_often_as_it_says():
    truth = -0.30  # the challenger's mean absolute error is 0.30 lower
    random = np.random.default_rng(0)
    inside = 0
    for trial in range(120):
        noise = random.normal(size=150)
        target = pd.Series(np.zeros(150))
        features = pd.DataFrame({"worse": 1.3 + 0.1 * noise, "better": 1.0 + 0.4 * random.normal(size=150)})
        features = features.clip(lower=0)
        found = compare_on_same_rows(
            Column("worse"), Column("better"), features, target, judged("mae"), bootstrap=Bootstrap(seed=trial)
        ).differences["mae"]
        inside += found.low <= truth <= found.high
    assert 106 <= inside <= 120  # 95 % of 120 is 114, and 106 is 3 standard deviations below


class Column:
    """Predicts a column."""

    def __init__(self, name):
        self.name = name

    def predict(self, features):
        return features[self.name].to_numpy()


def test_a_champion_that_wants_a_column_which_is_gone_is_not_comparable():
    features, target = data(300)
    champion = LogisticRegression().fit(features.assign(old=1.0), target)
    challenger = LogisticRegression().fit(features, target)
    found = compare_on_same_rows(champion, challenger, features, target, judged("roc_auc"))
    assert not found.comparable
    assert found.reason == "The champion cannot be scored on these rows: column old is missing."
    assert found.champion is None
    assert found.differences == {}
    assert found.challenger["roc_auc"] > 0.5


def test_a_champion_fitted_on_fewer_columns_in_another_order_is_compared():
    features, target = data(300)
    champion = LogisticRegression().fit(features[["c", "a"]], target)
    challenger = LogisticRegression().fit(features, target)
    assert compare_on_same_rows(champion, challenger, features, target, judged("roc_auc")).comparable


def test_a_champion_that_fails_is_not_comparable_but_a_failing_challenger_is_an_error():
    features, target = data(300)
    good = LogisticRegression().fit(features, target)
    found = compare_on_same_rows(Column("gone"), good, features, target, judged("accuracy"))
    assert "KeyError" in found.reason
    with pytest.raises(DataError, match="KeyError"):
        compare_on_same_rows(good, Column("gone"), features, target, judged("accuracy"))


def test_a_champion_that_never_saw_a_class_is_not_comparable():
    features, target = data(300, classes=3)
    champion = LogisticRegression().fit(features[target < 2], target[target < 2])
    challenger = LogisticRegression().fit(features, target)
    assert "never saw: 2" in compare_on_same_rows(champion, challenger, features, target, judged("roc_auc")).reason


def test_no_interval_is_claimed_when_most_resamples_have_one_class():
    features, target = data(40)
    target = pd.Series([1] + [0] * 39)
    found = compare_on_same_rows(AlwaysHalf(), AlwaysHalf(), features, target, judged("roc_auc")).differences["roc_auc"]
    assert (found.difference, found.low, found.high) == (0.0, None, None)


class AlwaysHalf:
    classes_ = np.array([0, 1])

    def predict(self, features):
        return np.zeros(len(features), dtype=int)

    def predict_proba(self, features):
        return np.full((len(features), 2), 0.5)


class Noise(AlwaysHalf):
    def __init__(self, seed):
        self.seed = seed

    def predict_proba(self, features):
        chance = np.random.default_rng(self.seed).random(len(features))
        return np.column_stack([1 - chance, chance])


def test_fifty_thousand_rows_take_less_than_five_seconds_and_more_rows_no_longer():
    features = pd.DataFrame({"a": np.zeros(80_000)})
    target = np.arange(80_000) % 2
    started = time.process_time()
    found = compare_on_same_rows(Noise(1), Noise(2), features, target, judged("roc_auc"))
    assert time.process_time() - started < 5  # of processor time: tests run beside others
    assert (found.rows, found.interval_rows) == (80_000, 50_000)
    auc = found.differences["roc_auc"]
    assert auc.low < auc.difference < auc.high
