"""Strict JSON: hardening XJ1, XJ2."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvops.serving.decoding import decode
from mvops.serving.problems import Flaw, Problem

REFUSED = [
    (b'{"a": NaN}', 422),
    (b'{"a": Infinity}', 422),
    (b'{"a": -Infinity}', 422),
    (b'{"a": 1e999}', 422),
    (b'{"a": -1e999}', 422),
    (b'{"a": ' + b"9" * 400 + b"}", 422),
    (b'{"a": ' + b"9" * 5000 + b"}", 422),
    (b'{"a": 1, "a": 2}', 400),
    (b'{"rows": [{"a": 1, "b": "x:y", "a": 1}]}', 400),
    (b'{"rows": [{"a": 1, "\\u0061": 1}]}', 400),
    (b"[" * 100_000, 400),
    (b"[" * 900 + b"]" * 900, 400),
    (b"[" * 33 + b"]" * 33, 400),
    (b'{"a":' * 40 + b"1" + b"}" * 40, 400),
    (b"\xef\xbb\xbf{}", 400),
    ('{"a": 1}'.encode("utf-16"), 400),
    (b'{"a": "\\ud800"}', 400),
    (b'{"a": "\xff"}', 400),
    (b'{"a": 1} x', 400),
    (b"{} {}", 400),
    (b"", 400),
    (b"{'a': 1}", 400),
]


@pytest.mark.parametrize(("body", "status"), REFUSED, ids=[repr(body[:30]) for body, _ in REFUSED])
def test_what_is_not_strict_json_is_refused(body, status):
    with pytest.raises(Problem) as caught:
        decode(body)
    assert caught.value.status == status
    assert len(caught.value.body()) <= 1024


def test_a_colon_in_a_text_is_no_second_key():
    assert decode(b'{"rows": [{"at": "2026-01-01T00:00:00Z"}]}') == {"rows": [{"at": "2026-01-01T00:00:00Z"}]}
    assert decode(b"[1, 2]") == [1, 2]
    assert decode(b"[" * 32 + b"]" * 32)


scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=["Cs"]))
documents = st.recursive(scalars | texts, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=20)


@given(documents)
def test_every_document_is_read_as_the_standard_library_reads_it(document):
    assert decode(json.dumps(document).encode()) == document


def test_a_problem_stays_within_a_kibibyte_whatever_the_names():
    flaws = [Flaw(row=index, column="\u202e\U0001f600" * 500, message="must be a finite number") for index in range(50)]
    problem = Problem.of_rows(flaws)
    told = json.loads(problem.body())
    assert len(problem.body()) <= 1024
    assert told["status"] == 422
    assert told["errors"][0]["row"] == 0
    assert "(and 49 more)" in told["detail"]
