"""What a row may hold: hardening XJ4."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from serving_support import COLUMNS, LATE, ON_TIME

from mvops.core.signature import Column
from mvops.serving.problems import Problem
from mvops.serving.requests import event_times, read_outcomes
from mvops.serving.rows import RowReader, read_time

READER = RowReader(COLUMNS, max_rows=3)
REFUSED = [
    ("true for a number", {"temp": True}, "temp"),
    ("text for a number", {"temp": "1"}, "temp"),
    ("null for a number", {"temp": None}, "temp"),
    ("list for a number", {"temp": [1.0]}, "temp"),
    ("too large a number", {"temp": 10**400}, "temp"),
    ("fraction for an integer", {"hour": 3.5}, "hour"),
    ("true for an integer", {"hour": True}, "hour"),
    ("an integer of 65 bits", {"hour": 2**63}, "hour"),
    ("a float of 65 bits", {"hour": 1e19}, "hour"),
    ("1 for a boolean", {"holiday": 1}, "holiday"),
    ("number for a category", {"carrier": 1}, "carrier"),
    ("null for a category", {"carrier": None}, "carrier"),
    ("U+0000", {"carrier": "A\0"}, "carrier"),
    ("one column too many", {"extra": 1}, "extra"),
    ("text for null", {"wind": ""}, "wind"),
]


@pytest.mark.parametrize(("change", "column"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_a_bad_value_is_refused_with_its_row_and_column(change, column):
    with pytest.raises(Problem) as caught:
        READER.read([LATE, LATE | change])
    assert caught.value.status == 422
    assert [(flaw.row, flaw.column) for flaw in caught.value.flaws] == [(1, column)]
    assert f'row 1, column "{column}"' in caught.value.detail


def test_what_is_let_in():
    assert READER.read([LATE | {"temp": 3, "hour": 3.0, "wind": None, "carrier": "ZZ"}]) == [
        [3],
        [3],
        [None],
        [False],
        ["ZZ"],
    ]
    assert type(READER.read([LATE | {"hour": 3.0}])[1][0]) is int
    assert READER.read([LATE | {"hour": -(2**63)}, ON_TIME])[1] == [-(2**63), 3]


@pytest.mark.parametrize("rows", [None, {}, [], "x", [1], [None], [[]], [LATE] * 4, [LATE, 1]])
def test_rows_must_be_a_list_of_objects_neither_empty_nor_too_long(rows):
    with pytest.raises(Problem) as caught:
        READER.read(rows)
    assert caught.value.status == 422


def test_a_missing_column_is_named_for_each_row():
    short = {name: value for name, value in LATE.items() if name != "temp"}
    with pytest.raises(Problem) as caught:
        READER.read([short, LATE, short])
    assert [(flaw.row, flaw.column, flaw.message) for flaw in caught.value.flaws] == [
        (0, "temp", "is missing"),
        (2, "temp", "is missing"),
    ]
    renamed = short | {"tmp": 1}
    with pytest.raises(Problem, match="is missing"):
        READER.read([renamed])


def test_all_bad_values_are_told_in_the_order_of_rows():
    with pytest.raises(Problem) as caught:
        READER.read([LATE, LATE | {"carrier": 1}, LATE | {"temp": "x"}])
    assert [flaw.row for flaw in caught.value.flaws] == [1, 2]


def test_times_are_read_in_any_zone_and_refused_beyond_what_a_frame_can_hold():
    reader = RowReader((Column(name="at", kind="datetime", nullable=True),), 10)
    noon = datetime(2026, 1, 31, 12, tzinfo=UTC)
    rows = [{"at": "2026-01-31T12:00:00Z"}, {"at": "2026-01-31T13:00:00+01:00"}, {"at": "2026-01-31T12:00"}]
    assert reader.read([*rows, {"at": None}]) == [[noon, noon, noon, None]]
    for bad in ("yesterday", "0001-01-01T00:00:00+14:00", "9999-12-31", 5, "1600-01-01"):
        with pytest.raises(Problem):
            reader.read([{"at": bad}])


def test_event_times_are_one_for_all_or_one_for_each():
    one = read_time("2026-01-01T00:00:00Z")
    assert event_times("2026-01-01", 2) == [one, one]
    assert event_times(["2026-01-01", "2026-01-02"], 2)[1] == datetime(2026, 1, 2, tzinfo=UTC)
    assert event_times(None, 1)[0].tzinfo is UTC
    for bad in (["2026-01-01"], 5, "soon", ["2026-01-01", None], {}):
        with pytest.raises(Problem):
            event_times(bad, 2)


def test_outcomes_must_fit_what_the_model_predicts(shared_signatures):
    classification, regression = shared_signatures
    good = {"outcomes": [{"prediction_id": "a-0", "outcome": 1}]}
    assert read_outcomes(good, classification, 10) == [("a-0", 1)]
    for entry in (
        {"prediction_id": "a-0", "outcome": "late"},
        {"prediction_id": "a-0", "outcome": None},
        {"prediction_id": "a-0", "outcome": True},
        {"prediction_id": 5, "outcome": 1},
        {"prediction_id": "a\n", "outcome": 1},
        {"prediction_id": "", "outcome": 1},
        {"prediction_id": "a" * 201, "outcome": 1},
        {"prediction_id": "a-0"},
        {"prediction_id": "a-0", "outcome": 10**30},
        7,
    ):
        with pytest.raises(Problem) as caught:
            read_outcomes({"outcomes": [good["outcomes"][0], entry]}, classification, 10)
        assert caught.value.flaws[0].row == 1
    for body in ({}, [], {"outcomes": []}, {"outcomes": good["outcomes"] * 11}, good | {"x": 1}):
        with pytest.raises(Problem):
            read_outcomes(body, classification, 10)
    assert read_outcomes({"outcomes": [{"prediction_id": "a-0", "outcome": 1.5}]}, regression, 10) == [("a-0", 1.5)]
    texts = classification.model_copy(update={"classes": ("late", "on time")})
    assert read_outcomes({"outcomes": [{"prediction_id": "a", "outcome": "late"}]}, texts, 10) == [("a", "late")]
    with pytest.raises(Problem):
        read_outcomes({"outcomes": [{"prediction_id": "a", "outcome": "l\0"}]}, texts, 10)
