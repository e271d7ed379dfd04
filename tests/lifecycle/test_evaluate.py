from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from mvops.core.config.model import CLASSIFICATION, REGRESSION, Evaluate
from mvops.errors import DataError
from mvops.lifecycle.evaluate import evaluate


def rows(count: int = 300, classes: int = 2, seed: int = 0):
    random = np.random.default_rng(seed)
    features = pd.DataFrame(random.normal(size=(count, 3)), columns=["a", "b", "c"])
    noisy = features["a"] + 0.8 * random.normal(size=count)
    codes = pd.qcut(noisy, classes, labels=False)
    return features, codes


def judged(*metrics: str, task: str = "classification") -> Evaluate:
    return Evaluate.model_validate({"task": task, "metrics": metrics})


def test_every_metric_of_a_binary_classifier_is_scikit_learns_with_the_second_class_positive():
    features, codes = rows()
    target = codes.map({0: "late", 1: "on time"})
    model = LogisticRegression().fit(features, target)
    found = evaluate(model, features, target, judged(*sorted(CLASSIFICATION)))
    chance, answer = model.predict_proba(features)[:, 1], model.predict(features)
    assert found.metrics == pytest.approx(
        {
            "roc_auc": sk.roc_auc_score(target, chance),
            "log_loss": sk.log_loss(target, chance),
            "brier": sk.brier_score_loss(target, chance, pos_label="on time"),
            "accuracy": sk.accuracy_score(target, answer),
            "balanced_accuracy": sk.balanced_accuracy_score(target, answer),
            "f1": sk.f1_score(target, answer, pos_label="on time"),
            "precision": sk.precision_score(target, answer, pos_label="on time"),
            "recall": sk.recall_score(target, answer, pos_label="on time"),
        }
    )
    assert list(found.predictions) == list(answer)
    assert found.probabilities.shape == (300, 2)


def test_many_classes_are_averaged_by_their_rows():
    features, target = rows(classes=4)
    target = target.where(target != 3, 2)  # unequal classes
    model = LogisticRegression().fit(features, target)
    found = evaluate(model, features, target, judged(*sorted(CLASSIFICATION))).metrics
    chance, answer = model.predict_proba(features), model.predict(features)
    assert found["roc_auc"] == pytest.approx(sk.roc_auc_score(target, chance, multi_class="ovr", average="weighted"))
    assert found["log_loss"] == pytest.approx(sk.log_loss(target, chance))
    assert found["brier"] == pytest.approx(((chance - np.eye(3)[target]) ** 2).sum(axis=1).mean())
    for name in ("f1", "precision", "recall"):
        assert found[name] == pytest.approx(getattr(sk, f"{name}_score")(target, answer, average="weighted"))


def test_regression_metrics_and_a_target_in_one_column_frame():
    features, _ = rows()
    target = pd.DataFrame({"y": features["a"] * 2 + features["b"] ** 2})
    model = LinearRegression().fit(features, target["y"])
    found = evaluate(model, features, target, judged(*sorted(REGRESSION), task="regression"))
    answer = model.predict(features)
    assert found.metrics == pytest.approx(
        {
            "rmse": sk.root_mean_squared_error(target, answer),
            "mae": sk.mean_absolute_error(target, answer),
            "r2": sk.r2_score(target, answer),
        }
    )
    assert found.probabilities is None


def test_without_predict_proba_roc_auc_uses_the_decision_function():
    features, target = rows()
    model = LinearSVC().fit(features, target)
    found = evaluate(model, features, target, judged("roc_auc", "accuracy"))
    assert found.metrics["roc_auc"] == pytest.approx(sk.roc_auc_score(target, model.decision_function(features)))
    assert found.probabilities is None
    with pytest.raises(DataError, match="log_loss cannot be computed: LinearSVC has no predict_proba"):
        evaluate(model, features, target, judged("log_loss"))


class Constant:
    """A classifier that follows no convention but predict."""

    def __init__(self, answer):
        self.answer = answer

    def predict(self, features):
        return self.answer(features) if callable(self.answer) else np.repeat(self.answer, len(features))


def test_a_classifier_that_has_only_predict():
    features, target = rows()
    found = evaluate(Constant(1), features, target, judged("accuracy", "recall", "balanced_accuracy"))
    assert found.metrics == {"accuracy": 0.5, "recall": 1.0, "balanced_accuracy": 0.5}
    with pytest.raises(DataError, match="roc_auc cannot be computed: Constant has no predict_proba and no decision_fu"):
        evaluate(Constant(1), features, target, judged("roc_auc"))


def test_a_class_that_was_never_trained_on_is_named_but_accuracy_can_be_had():
    features, target = rows(classes=3)
    model = DecisionTreeClassifier(max_depth=2).fit(features[target < 2], target[target < 2])
    assert 0 < evaluate(model, features, target, judged("accuracy", "f1")).metrics["accuracy"] < 0.67
    with pytest.raises(DataError, match=r"never saw: 2\.0|never saw: 2"):
        evaluate(model, features, target, judged("log_loss"))


def test_a_known_class_without_held_out_rows_has_no_weight():
    features, target = rows(classes=3)
    model = LogisticRegression().fit(features, target)
    kept = target < 2
    found = evaluate(model, features[kept], target[kept], judged("roc_auc", "log_loss", "balanced_accuracy")).metrics
    chance = model.predict_proba(features[kept])
    first, second = (sk.roc_auc_score(target[kept] == code, chance[:, code]) for code in (0, 1))
    assert found["roc_auc"] == pytest.approx((first + second) / 2)
    assert np.isfinite(found["log_loss"])


@pytest.mark.parametrize(
    ("features", "target", "message"),
    [
        (pd.DataFrame({"a": []}), [], "There are no held-out rows"),
        (pd.DataFrame({"a": [1.0, 2]}), [1], "have 2 rows, the target has 1"),
        (pd.DataFrame({"a": [1.0, 2]}), [1, np.nan], "missing in 1 of 2"),
        (pd.DataFrame({"a": [1.0, 2]}), pd.array([1, None], dtype="Int64"), "missing in 1 of 2"),
        (pd.DataFrame({"a": [1.0, 2]}), ["x", "x"], r"one class only \(x\) in 2"),
        (pd.DataFrame({"a": [1.0, 2]}), np.zeros((2, 2)), r"the shape \(2, 2\)"),
        (pd.DataFrame({"a": [1.0, 2]}), ["0", "1"], "The target holds '0', '1' but Constant was trained on 0, 1"),
    ],
)
def test_held_out_rows_that_judge_nothing(features, target, message):
    model = Constant(0)
    model.classes_ = np.array([0, 1])
    with pytest.raises(DataError, match=message):
        evaluate(model, features, target, judged("accuracy"))


@pytest.mark.parametrize(
    ("target", "message"),
    [(["a", "b"], "the target must be numbers"), ([1.0, np.inf], "The target is NaN or infinite in 1 of 2")],
)
def test_a_regression_wants_finite_numbers(target, message):
    with pytest.raises(DataError, match=message):
        evaluate(Constant(0.0), pd.DataFrame({"a": [1, 2]}), target, judged("mae", task="regression"))


def test_r2_of_one_row_is_refused():
    with pytest.raises(DataError, match="r2 cannot be computed from one held-out row"):
        evaluate(Constant(0.0), pd.DataFrame({"a": [1]}), [1.0], judged("r2", task="regression"))


@pytest.mark.parametrize(
    ("answer", "task", "message"),
    [
        (lambda x: np.full(len(x), np.nan), "regression", "The prediction of Constant is NaN or infinite in 4 of 4"),
        (lambda x: ["yes"] * len(x), "regression", "the predictions of Constant must be numbers"),
        (lambda x: [0, None, 1, 1], "classification", "Constant predicted nothing for 1 of 4"),
        (lambda x: np.zeros((len(x), 2)), "classification", r"with the shape \(4, 2\)"),
        (lambda x: x["gone"], "classification", "Constant cannot score the held-out rows: KeyError: 'gone'"),
    ],
)
def test_answers_that_cannot_be_judged(answer, task, message):
    metric = "mae" if task == "regression" else "accuracy"
    with pytest.raises(DataError, match=message):
        evaluate(Constant(answer), pd.DataFrame({"a": range(4)}), [0, 1, 0, 1], judged(metric, task=task))


def test_probabilities_are_checked():
    model = Constant(0)
    model.classes_ = np.array([0, 1])
    features = pd.DataFrame({"a": range(4)})
    model.predict_proba = lambda x: np.full((len(x), 3), 1 / 3)
    with pytest.raises(DataError, match=r"predict_proba answered with the shape \(4, 3\) for 2 classes"):
        evaluate(model, features, [0, 1, 0, 1], judged("log_loss"))
    model.predict_proba = lambda x: np.full((len(x), 2), np.nan)
    with pytest.raises(DataError, match=r"The answer of Constant\.predict_proba is NaN or infinite in 8 of 8"):
        evaluate(model, features, [0, 1, 0, 1], judged("log_loss"))
    model.predict_proba = lambda x: np.array([0.1, 0.9, 0.2, 0.8])  # the positive class alone
    assert evaluate(model, features, [0, 1, 0, 1], judged("roc_auc")).metrics["roc_auc"] == 1.0


def test_several_targets_at_once_are_refused():
    model = Constant(0)
    model.classes_ = [np.array([0, 1]), np.array([0, 1])]
    with pytest.raises(DataError, match="several targets at once"):
        evaluate(model, pd.DataFrame({"a": [1, 2]}), [0, 1], judged("accuracy"))


def test_booleans_and_nullable_integers_are_the_classes_they_equal():
    features, target = rows()
    model = LogisticRegression().fit(features, target.astype(bool))
    plain = evaluate(model, features, target.astype(bool), judged("roc_auc", "f1")).metrics
    assert evaluate(model, features, target.astype("Int64"), judged("roc_auc", "f1")).metrics == plain
