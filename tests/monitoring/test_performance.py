from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk

from mvops.monitoring.columns import column, label
from mvops.monitoring.performance import measure, merge, metric, nothing


def classified(classes: tuple, rows: int = 4000, seed: int = 0):
    rng = np.random.default_rng(seed)
    true = rng.integers(len(classes), size=rows)
    logits = rng.normal(size=(rows, len(classes)))
    logits[np.arange(rows), true] += 1.0
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return np.array(classes)[true], np.array(classes)[scores.argmax(axis=1)], scores


def measured(classes, true, predicted, scores):
    empty = nothing(tuple(label(c) for c in np.array(classes).tolist()), 0.0, 1.0)
    return measure(empty, column(predicted, "category"), column(true, "category"), scores)


def test_two_classes_are_scikit_learns():
    true, predicted, scores = classified((0, 1))
    found = measured((0, 1), true, predicted, scores)
    expected = {
        "roc_auc": sk.roc_auc_score(true, scores[:, 1]),
        "log_loss": sk.log_loss(true, scores),
        "brier": sk.brier_score_loss(true, scores[:, 1]),
        "accuracy": sk.accuracy_score(true, predicted),
        "balanced_accuracy": sk.balanced_accuracy_score(true, predicted),
        "f1": sk.f1_score(true, predicted),
        "precision": sk.precision_score(true, predicted),
        "recall": sk.recall_score(true, predicted),
    }
    for name, value in expected.items():
        assert metric(found, name).value == pytest.approx(value, abs=2e-4 if name == "roc_auc" else 1e-8), name


def test_three_classes_are_scikit_learns_means():
    names = ("a", "b", "c")
    true, predicted, scores = classified(names)
    found = measured(names, true, predicted, scores)
    assert metric(found, "roc_auc").value == pytest.approx(
        sk.roc_auc_score(true, scores, multi_class="ovr", labels=list(names)), abs=5e-4
    )
    assert metric(found, "log_loss").value == pytest.approx(sk.log_loss(true, scores, labels=list(names)))
    assert metric(found, "f1").value == pytest.approx(sk.f1_score(true, predicted, average="macro"))
    assert metric(found, "balanced_accuracy").value == pytest.approx(sk.balanced_accuracy_score(true, predicted))


def test_standard_errors_are_those_of_repetition():
    found, values = [], {"roc_auc": [], "log_loss": [], "f1": [], "accuracy": []}
    for seed in range(150):
        one = measured((0, 1), *classified((0, 1), rows=300, seed=seed))
        found.append(one)
        for name, seen in values.items():
            seen.append(metric(one, name).value)
    for name, seen in values.items():
        claimed = np.mean([metric(one, name).error for one in found])
        assert claimed == pytest.approx(np.std(seen), rel=0.2), name


def test_regression_is_scikit_learns():
    rng = np.random.default_rng(1)
    true = rng.normal(50, 20, 3000)
    predicted = true + rng.normal(2, 5, 3000)
    found = measure(nothing((), 48.0, 19.0), predicted, true, None)
    assert metric(found, "rmse").value == pytest.approx(sk.root_mean_squared_error(true, predicted), rel=1e-6)
    assert metric(found, "mae").value == pytest.approx(sk.mean_absolute_error(true, predicted), rel=1e-6)
    assert metric(found, "r2").value == pytest.approx(sk.r2_score(true, predicted), rel=1e-5)
    squares = (predicted - true) ** 2
    expected = np.std(squares) / np.sqrt(3000) / (2 * np.sqrt(squares.mean()))
    assert metric(found, "rmse").error == pytest.approx(expected, rel=1e-2)


def test_merging_is_exact_in_any_order():
    true, predicted, scores = classified((0, 1))
    parts = [measured((0, 1), true[i::3], predicted[i::3], scores[i::3]) for i in range(3)]
    whole = measured((0, 1), true, predicted, scores)
    assert merge(merge(parts[0], parts[1]), parts[2]) == whole
    assert merge(parts[2], merge(parts[1], parts[0])) == whole
    assert merge(nothing(("0", "1"), 0.0, 1.0), whole) == whole


def test_too_little_is_not_computable():
    one = measured((0, 1), np.array([1]), np.array([1]), np.array([[0.2, 0.8]]))
    assert [metric(one, name) for name in ("roc_auc", "log_loss", "f1")] == [None, None, None]
    only_ones = measured((0, 1), np.ones(50), np.ones(50), np.full((50, 2), 0.5))
    assert metric(only_ones, "roc_auc") is None
    assert metric(nothing(("0", "1"), 0.0, 1.0), "accuracy") is None
    assert metric(nothing((), 0.0, 1.0), "rmse") is None
    same = measure(nothing((), 5.0, 1.0), np.full(9, 5.0), np.full(9, 5.0), None)
    assert metric(same, "r2") is None
    assert metric(same, "rmse").value == 0


def test_unknown_labels_count_as_wrong():
    found = measured((0, 1), np.array([0, 1, 7, 1]), np.array([0, 1, 1, 9]), None)
    assert found.rows == 4
    assert metric(found, "accuracy").value == 0.5


def test_missing_sides_are_left_out_and_infinite_errors_have_an_end():
    predicted = np.array([1.0, np.nan, np.inf, np.inf, 2.0])
    found = measure(nothing((), 0.0, 1.0), predicted, np.array([1.0, 2.0, 3.0, np.inf, np.nan]), None)
    assert found.rows == 3
    assert np.isfinite(metric(found, "rmse").value)
