from __future__ import annotations

import math

import pytest

from mvops.errors import SpecError
from mvops.lifecycle.compare import Comparison, Difference
from mvops.lifecycle.gate import GateReport, judge

NAN, INF = math.nan, math.inf


def compared(champion: float, challenger: float) -> Comparison:
    found = Difference(
        champion=champion, challenger=challenger, difference=challenger - champion, low=-0.001, high=0.0071
    )
    return Comparison(
        comparable=True,
        reason="",
        rows=10,
        interval_rows=10,
        challenger={"roc_auc": challenger},
        differences={"roc_auc": found},
    )


@pytest.mark.parametrize(
    ("condition", "challenger", "champion", "passed"),
    [
        ("roc_auc >= 0.68", 0.68, None, True),
        ("roc_auc >= 0.68", 0.6799999, None, False),
        ("roc_auc > 0.68", 0.68, None, False),
        ("roc_auc > 0.68", 0.681, None, True),
        ("log_loss <= 0.5", 0.5, None, True),
        ("log_loss <= 0.5", 0.51, None, False),
        ("log_loss < 0.5", 0.5, None, False),
        ("log_loss < 0.5", 0.4, None, True),
        ("r2 >= -0.5", -0.4, None, True),
        ("roc_auc >= champion", 0.7, 0.7, True),
        ("roc_auc > champion", 0.7, 0.7, False),
        ("roc_auc >= champion - 0.005", 0.695, 0.7, True),  # 0.7 - 0.005 is not 0.695 in binary
        ("roc_auc >= champion + 0.1", 0.3, 0.2, True),  # 0.1 + 0.2 is more than 0.3 in binary
        ("roc_auc > champion + 0.1", 0.3, 0.2, False),
        ("roc_auc >= champion - 0.005", 0.69, 0.7, False),
        ("log_loss <= champion * 1.02", 0.51, 0.5, True),
        ("log_loss <= champion * 1.02", 0.52, 0.5, False),
        ("roc_auc >= 0.68", NAN, None, False),
        ("roc_auc < 0.68", NAN, None, False),
        ("log_loss <= 0.5", -INF, None, False),
        ("roc_auc >= 0.68", INF, None, False),
        ("roc_auc >= champion - 1", NAN, None, False),  # NaN never passes, champion or not
        ("roc_auc >= champion - 0.005", 0.7, NAN, False),
        ("roc_auc >= champion - 0.005", 0.7, -INF, False),
        ("roc_auc >= champion - 0.005", NAN, NAN, False),
        ("roc_auc >= champion - 0.005", 0.1, None, True),
    ],
)
def test_n8_the_table(condition, challenger, champion, passed):
    metric = condition.split()[0]
    before = None if champion is None else {metric: champion}
    report = judge((condition,), {metric: challenger}, before, None)
    assert report.passed is passed
    assert [check.passed for check in report.checks] == [passed]
    assert report.checks[0].sentence.endswith(".")
    assert GateReport.model_validate_json(report.model_dump_json()) == report


def test_a_naive_gate_would_let_nan_through():
    """The negative control of the table above: refusing what is below the limit is not the same as asking for more."""
    assert not NAN < 0.68
    assert not judge(("roc_auc >= 0.68",), {"roc_auc": NAN}, None, None).passed


def test_no_conditions_pass_and_say_so():
    report = judge((), {"roc_auc": 0.1}, None, None)
    assert report.passed
    assert report.sentence == "The gate has no conditions, so every challenger passes."


def test_a_metric_that_was_not_measured_fails():
    report = judge(("f1 >= 0.1", "roc_auc >= 0.5"), {"roc_auc": 0.7}, None, None)
    assert not report.passed
    assert report.checks[0].sentence == "f1 was not measured; add it to evaluate.metrics."
    assert report.sentence == "1 of 2 conditions failed: f1 >= 0.1."


def test_the_champion_lacks_the_metric():
    report = judge(("roc_auc >= champion",), {"roc_auc": 0.7}, {"f1": 0.1}, None)
    assert not report.passed
    assert report.checks[0].sentence == "the champion's roc_auc is not known."


def test_the_same_rows_count_more_than_the_champions_own_record():
    report = judge(("roc_auc >= champion - 0.005",), {"roc_auc": 0.70}, {"roc_auc": 0.99}, compared(0.698, 0.70))
    assert report.passed
    assert report.checks[0].limit == pytest.approx(0.693)
    assert report.checks[0].sentence == (
        "roc_auc is 0.7, at least 0.693 (champion 0.698 - 0.005, on the same rows;"
        " difference +0.0020, 95 % interval -0.0010 to +0.0071)."
    )


def test_a_champion_that_cannot_be_scored_on_these_rows_fails_closed():
    gone = Comparison(comparable=False, reason="column old is missing.", rows=1, interval_rows=0, challenger={})
    report = judge(("roc_auc >= champion", "roc_auc >= 0.5"), {"roc_auc": 0.9}, {"roc_auc": 0.1}, gone)
    assert [check.passed for check in report.checks] == [False, True]
    assert report.checks[0].sentence == "column old is missing."


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (0.7012, "roc_auc is 0.7012, at least 0.68."),
        (0.6799999, "roc_auc is 0.6799999, below 0.68."),
        (0.68, "roc_auc is 0.68, at least 0.68."),
    ],
)
def test_numbers_are_told_apart(value, sentence):
    assert judge(("roc_auc >= 0.68",), {"roc_auc": value}, None, None).checks[0].sentence == sentence


def test_first_version_has_no_champion_yet():
    report = judge(("roc_auc >= champion - 0.005",), {"roc_auc": 0.6}, None, None)
    assert report.checks[0].sentence == "roc_auc is 0.6; no champion yet."
    assert report.sentence == "The condition holds."


def test_an_interval_that_could_not_be_made_is_said():
    base = compared(0.7, 0.71)
    found = base.differences["roc_auc"].model_copy(update={"low": None, "high": None})
    report = judge(
        ("roc_auc >= champion",), {"roc_auc": 0.71}, None, base.model_copy(update={"differences": {"roc_auc": found}})
    )
    assert "difference +0.0100, no interval" in report.checks[0].sentence


def test_what_is_no_condition_is_a_spec_error():
    with pytest.raises(SpecError, match="is not a condition"):
        judge(("roc_auc about 0.7",), {"roc_auc": 0.7}, None, None)


def test_a_limit_that_is_no_number_fails():
    report = judge(("rmse <= champion * 1000000",), {"rmse": 1.0}, {"rmse": 1e308}, None)
    assert not report.passed
    assert "limit for rmse is inf" in report.checks[0].sentence
