from __future__ import annotations

import subprocess
import sys

import pytest

from mvops.show.table import Table, display_width, printable, table_lines, table_text

VERSIONS = Table(
    ("model", "version", "roc_auc", "role"),
    [("flights", 1, 0.70123, None), ("航班", 1200, 0.68, "champion"), ("café", None, None, "x")],
)


def test_columns_are_aligned_by_what_is_seen():
    assert table_lines(VERSIONS) == [
        "model    version  roc_auc  role",
        "flights        1   0.7012  -",
        "航班       1,200     0.68  champion",
        "café           -        -  x",
    ]


@pytest.mark.parametrize(
    ("text", "width"), [("abc", 3), ("航班", 4), ("cafe\u0301", 4), ("a\u200bb", 2), ("\uff21", 2), ("", 0), ("é", 1)]
)
def test_display_width(text, width):
    assert display_width(text) == width


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (True, "yes"),
        (False, "no"),
        (336776, "336,776"),
        (0.123456, "0.1235"),
        (float("nan"), "nan"),
        ("two\nlines", "two\\x0alines"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x9b31m", "\\x9b31m"),
        ("evil\u202etxt", "evil\\x202etxt"),
        ("\ud800", "\\xd800"),
    ],
)
def test_values_become_one_harmless_line(value, text):
    assert printable(value) == text


def test_short_rows_are_filled_long_ones_cut_and_no_rows_leave_the_titles():
    assert table_lines(Table(("a", "b"), [(1,), (1, 2, 3)])) == ["a  b", "1", "1  2"]
    assert table_lines(Table(("a", "b"), [])) == ["a  b"]
    assert table_lines(Table((), [])) == [""]


def test_a_column_of_mixed_values_is_text_and_truth_is_no_number():
    assert table_lines(Table(("aaaa", "bbbb"), [(1, True), ("x", False)])) == ["aaaa  bbbb", "1     yes", "x     no"]


def test_not_a_terminal_is_plain():
    text = table_text(VERSIONS, terminal=False)
    assert text.splitlines() == table_lines(VERSIONS)
    assert "\x1b" not in text


def test_a_terminal_gets_colour_and_its_width_and_no_markup_is_read(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    text = table_text(Table(("name", "n"), [("[red]x[/red]", 5), ("word " * 20, 6)]), terminal=True, width=40)
    assert "\x1b[" in text
    assert "[red]x[/red]" in text
    assert max(display_width(line) for line in text.splitlines() if "\x1b" not in line) <= 40
    assert text.count("word") == 20


def test_rich_is_not_loaded_for_a_pipe():
    code = (
        "import sys; from mvops.show.table import Table, table_text;"
        "table_text(Table(('a',), [(1,)]), terminal=False); sys.exit('rich' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
