from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
import pytest

from mvops.core.prediction import Prediction
from mvops.errors import DataError
from mvops.monitoring.columns import column, columns_of, instants, label, make_rows, rows_of


def test_numbers_keep_what_is_a_number():
    assert column([1, None, 2.5, True], "number") == pytest.approx([1, math.nan, 2.5, 1], nan_ok=True)
    assert column(["a", "3", [1]], "integer") == pytest.approx([math.nan, 3, math.nan], nan_ok=True)
    assert column([10**400, -(10**400), 1], "number").tolist() == [math.inf, -math.inf, 1]


def test_equal_values_share_a_label():
    coded = column(["a", None, "b", "a", math.nan], "category")
    assert [coded.labels[c] if c >= 0 else None for c in coded.codes] == ["a", None, "b", "a", None]
    assert column([True, 1, 1.0, "1", False], "category").labels == ("1", "0")
    assert column([True, 1, 1.0, "1", False], "category").codes.tolist() == [0, 0, 0, 0, 1]


def test_labels_are_short_and_survive_objects():
    assert label("x" * 1000) == "x" * 64
    assert label(2.5) == "2.5"
    assert column([{"a": 1}, ["b"]], "category").labels == ("{'a': 1}", "['b']")


def test_text_is_measured_and_dates_are_present_or_not():
    assert column(["abc", None], "text") == pytest.approx([3, math.nan], nan_ok=True)
    assert column(["2026-01-01", None], "datetime") == pytest.approx([0, math.nan], nan_ok=True)


def test_a_value_that_a_row_lacks_is_missing(signature):
    found = columns_of(signature({"x": "number", "c": "category"}), [{"x": 1}, {"c": "u", "z": 0}])
    assert found["x"] == pytest.approx([1, math.nan], nan_ok=True)
    assert found["c"].codes.tolist() == [-1, 0]


def test_times_become_utc():
    values = ["2026-01-05T01:00:00+01:00", "2026-01-05T00:00:00Z", datetime(2026, 1, 5, tzinfo=UTC), None]
    found = instants(values)
    assert (found[:3] == np.datetime64("2026-01-05")).all()
    assert np.isnat(found[3])
    assert instants(np.array(["2026-01-05"], "datetime64[s]")).dtype == "datetime64[us]"
    assert instants([np.datetime64("2026-01-05")])[0] == np.datetime64("2026-01-05")


def test_a_bad_time_is_named():
    with pytest.raises(DataError, match="'yesterday' is not a time"):
        instants(["yesterday"])


def test_columns_must_be_as_long(signature):
    with pytest.raises(DataError, match="predictions has 1 values for 2 rows"):
        make_rows(signature({"x": "number"}), {"x": [1, 2]}, predictions=[1])


def test_rows_of_the_log(signature):
    known = signature({"x": "number"}, task="classification", classes=("no", "yes"), probabilities=True)
    log = [
        Prediction(
            id=str(i),
            time=datetime(2026, 1, 5, i, tzinfo=UTC),
            model="m",
            version=1,
            arm="champion",
            inputs={"x": i},
            prediction="yes",
            probability=(0.25, 0.75) if i else None,
            latency_ms=2.0,
        )
        for i in range(2)
    ]
    rows = rows_of(known, log, ["no", "yes"])
    assert rows.count == 2
    assert rows.probabilities == pytest.approx(np.array([[math.nan, math.nan], [0.25, 0.75]]), nan_ok=True)
    assert rows.outcomes.labels == ("no", "yes")
    later = rows.take(np.array([1]))
    assert (later.count, later.times[0]) == (1, np.datetime64("2026-01-05T01:00"))
    assert rows_of(known, []).count == 0
