"""Which cells differ, from one content of a notebook to another."""

from __future__ import annotations

import json
from typing import Any

from mvops.notebook.changed_cells import changed_cells

CELLS = [
    ("a", "setup", "import math"),
    ("b", "step:load", "x = 1\ny = 2"),
    ("c", "step:load", "z = 3"),
    ("d", "step:fit", "m = z"),
]


def book(*cells: tuple[str, str, str], **outputs: Any) -> bytes:
    made = [
        {"cell_type": "code", "id": name, "metadata": {"tags": [tag]}, "source": source, "outputs": [], **outputs}
        for name, tag, source in cells
    ]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": made}).encode()


def changed(*after: tuple[str, str, str]) -> list[tuple[str, int | None, str | None, str]]:
    """Verb, cell, step and what comes and goes."""
    return [
        (
            change.verb,
            change.cell,
            change.step,
            " ".join(line for line in change.diff.splitlines()[2:] if line[0] in "+-"),
        )
        for change in changed_cells("n.ipynb", book(*CELLS), book(*after))
    ]


def test_outputs_blanks_and_ids_are_no_change():
    after = [(f"new-{name}", tag, f"{source}  \n\n") for name, tag, source in CELLS]
    assert changed(*after) == []
    assert changed_cells("n.ipynb", book(*CELLS), book(*CELLS, execution_count=7)) == []


def test_p9_a_line_of_a_cell():
    after = [*CELLS[:1], ("b", "step:load", "x = 1\ny = 20"), *CELLS[2:]]
    assert changed(*after) == [("change", 2, "load", "-y = 2 +y = 20")]


def test_cells_that_come_and_go():
    assert changed(*CELLS[:2], ("n", "step:load", "w = 9"), *CELLS[2:]) == [("add", 3, "load", "+w = 9")]
    assert changed(*CELLS[:2], CELLS[3]) == [("remove", 3, "load", "-z = 3")]


def test_a_cell_that_was_replaced_by_two_keeps_its_partner_by_id():
    after = [*CELLS[:1], ("new", "step:load", "first = 0"), ("b", "step:load", "x = 1\ny = 3"), *CELLS[2:]]
    assert changed(*after) == [("add", 2, "load", "+first = 0"), ("change", 3, "load", "-y = 2 +y = 3")]


def test_a_cell_that_stands_elsewhere_is_moved():
    assert changed(CELLS[0], CELLS[2], CELLS[1], CELLS[3]) in (
        [("move", 2, "load", "")],
        [("move", 3, "load", "")],
    )


def test_the_setup_is_named():
    assert changed(("a", "setup", "import math\nimport json"), *CELLS[1:]) == [("change", 1, "setup", "+import json")]


def test_what_looks_like_a_secret_is_not_shown():
    (change,) = changed_cells("n.ipynb", book(*CELLS), book(*CELLS, ("e", "step:fit", 'password = "hunter2hunter2"')))
    assert "hunter2" not in change.diff
    assert "password" in change.diff
