from __future__ import annotations

from mvops.lifecycle.compare import Comparison, Difference
from mvops.lifecycle.gate import judge
from mvops.show.gate import comparison_lines, gate_lines


def test_a_refusal_shows_every_condition_with_its_reason():
    report = judge(("roc_auc >= 0.68", "f1 >= champion * 0.9"), {"roc_auc": 0.66, "f1": 0.5}, {"f1": 0.5}, None)
    assert gate_lines(report) == [
        "gate refused: 1 of 2 conditions failed: roc_auc >= 0.68.",
        "  FAIL  roc_auc >= 0.68       roc_auc is 0.66, below 0.68.",
        "  pass  f1 >= champion * 0.9  f1 is 0.5, at least 0.45 (champion 0.5 * 0.9, on its own held-out rows).",
    ]


def test_a_gate_without_conditions():
    assert gate_lines(judge((), {}, None, None)) == [
        "gate passed: The gate has no conditions, so every challenger passes."
    ]


def test_a_comparison_side_by_side():
    both = Comparison(
        comparable=True,
        reason="Both were scored on the same 12,345 held-out rows.",
        rows=12345,
        interval_rows=12345,
        challenger={"roc_auc": 0.71},
        differences={
            "roc_auc": Difference(champion=0.7, challenger=0.71, difference=0.01, low=0.002, high=0.018),
            "f1": Difference(champion=0.5, challenger=0.45, difference=-0.05, low=None, high=None),
        },
    )
    assert comparison_lines(both) == [
        "Both were scored on the same 12,345 held-out rows.",
        "  metric   champion  challenger  difference  95 % interval",
        "  roc_auc       0.7        0.71  +0.0100     +0.0020 to +0.0180",
        "  f1            0.5        0.45  -0.0500     -",
    ]


def test_what_cannot_be_compared_says_why():
    reason = "The champion cannot be scored on these rows: column old is missing."
    gone = Comparison(comparable=False, reason=reason, rows=1, interval_rows=0, challenger={})
    assert comparison_lines(gone) == [reason]
