"""Diffs for people: what they show, and what they never show."""

from __future__ import annotations

import pytest

from mvops.core.diffs import SENSITIVE, conflict_diff, counted, file_diff, line_spans, masked
from mvops.core.merge import regions, split_lines


def test_a_diff_is_that_of_diff_u() -> None:
    lines = ["--- a/a/b", "+++ b/a/b", "@@ -1,3 +1,3 @@", " 1", " 2", "-3", "\\ No newline at end of file", "+4"]
    assert file_diff("a/b", b"1\n2\n3", b"1\n2\n4\n").splitlines() == lines
    assert file_diff("x", b"same\n", b"same\n") == ""
    assert counted(file_diff("x", b"1\n2\n", b"2\n3\n4\n")) == "+2 -1"


def test_a_carriage_return_is_seen_only_where_it_makes_a_difference() -> None:
    assert "-1\n" in file_diff("x", b"1\r\n2\r\n", b"3\r\n2\r\n")
    assert "-1␍" in file_diff("x", b"1\r\n2\n", b"1\n2\n")


def test_what_is_no_text_is_shown_as_far_as_it_goes() -> None:
    assert "-\N{REPLACEMENT CHARACTER}" in file_diff("x", b"\xff\n", b"a\n")


def test_a_conflict_shows_the_lines_that_both_changed_and_no_others() -> None:
    base, theirs, ours = b"1\n2\n3\n4\n5\n", b"one\n2\n3\n4\nFIVE\n", b"1\n2\n3\n4\n5!\n6\n"
    found = list(regions(*map(split_lines, (base, theirs, ours))))
    assert conflict_diff("x", theirs, ours, found) == "--- a/x\n+++ b/x\n@@ -5 +5,2 @@\n-FIVE\n+5!\n+6"
    assert conflict_diff("x", b"a\n", b"b\n", []) == file_diff("x", b"a\n", b"b\n")


def test_lines_in_words() -> None:
    assert line_spans([range(2, 3)]) == "line 3"
    assert line_spans([range(2, 5)]) == "lines 3-5"
    assert line_spans([range(3), range(7, 8), range(4, 4), range(9, 11)]) == "lines 1-3, 8 and 10-11"
    assert line_spans([range(4, 4)]) == ""


@pytest.mark.parametrize(
    "line",
    [
        "password: hunter2",
        "+ENV DB_PASSWORD=hunter2 OTHER=1",
        "-ENV API_TOKEN hunter2",
        '  "client_secret": "hunter2",',
        "export AWS_SECRET_ACCESS_KEY='hunter2'",
        "api-key = hunter2",
        "url: postgresql+psycopg://ada:hunter2@db:5432/x",
        "redis://:hunter2@cache/0",
    ],
)
def test_p12_a_value_that_looks_like_a_secret_is_not_shown(line: str) -> None:
    shown = masked(line)
    assert "hunter2" not in shown
    assert SENSITIVE in shown


@pytest.mark.parametrize(
    "secret",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "glpat-abcdefghijklmnopqrst",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dozjgNryP4J3jVmNHl0w5N",
        "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj",
    ],
)
def test_p12_what_is_a_secret_by_its_form_is_not_shown(secret: str) -> None:
    assert masked(f"+curl {secret} x") == f"+curl {SENSITIVE} x"


@pytest.mark.parametrize(
    "line",
    [
        "PGPASSWORD: ${{ secrets.PGPASSWORD }}",
        "password_env: REDIS_PASSWORD",
        "ENV DB_PASSWORD=$DB_PASSWORD",
        'token = os.environ["TOKEN"]',
        "token = read_token(path)",
        "max_tokens: 512",
        "curl http://127.0.0.1:8000/predict",
        "image: registry.example.org/app@sha256:0123",
        f"image: registry.example.org/app@sha256:{'0123456789abcdef' * 4}",
        "# passwords are read from the environment",
    ],
)
def test_what_only_names_a_secret_is_shown(line: str) -> None:
    assert masked(line) == line
