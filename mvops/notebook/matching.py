"""Cells of two executed notebooks side by side: which belong together, and where they show different numbers."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from mvops.errors import NotebookError
from mvops.notebook.cells import parse_cell
from mvops.notebook.document import text
from mvops.notebook.shown import TOLERANCE, Shown, equal, shown_numbers

_METRIC = re.compile(
    r"accuracy|auc|f1|precision|recall|score|loss|brier|rmse|mae|mse|r2|r\^2|r-squared|error|deviation", re.IGNORECASE
)


@dataclass(frozen=True)
class Difference:
    """A cell of the original (its place among all cells, from 1) that shows other numbers in the promoted pipeline.

    `original` and `promoted` are the first differing line or number; `stable` says whether the original shows the same
    there when it is run twice. `notebook` is the file's name where there are several.
    """

    cell: int
    source: str
    original: str
    promoted: str
    stable: bool | None = None
    notebook: str = ""


@dataclass(frozen=True)
class MetricRow:
    """A number that has a name: `accuracy 0.93` in printed text, or the expression that a cell ends with."""

    cell: int
    name: str
    original: float
    promoted: float | None
    equal: bool
    notebook: str = ""


def match_cells(
    original: Sequence[dict[str, Any]], promoted: Sequence[dict[str, Any]]
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Pairs of code cells of the executed notebooks: by `metadata.mvops.original_cell`, else by id, else by source.

    `original_cell` is a cell's id, or its index among all cells of the original.
    """
    by_name: dict[Any, dict[str, Any]] = {}
    for index, cell in enumerate(original):
        by_name[index] = cell
        by_name[cell.get("id")] = cell
    named = [(_original_of(cell, by_name), cell) for cell in promoted]
    if any(one is not None for one, _ in named):
        return [(one, other) for one, other in named if one is not None and one["cell_type"] == "code"]
    ours = [cell for cell in original if cell["cell_type"] == "code" and text(cell["source"]).strip()]
    left, right = [text(cell["source"]).strip() for cell in ours], [text(cell["source"]).strip() for cell in promoted]
    if len(left) == len(right):
        return list(zip(ours, promoted, strict=True))
    blocks = SequenceMatcher(a=left, b=right, autojunk=False).get_matching_blocks()
    return [(ours[block.a + n], promoted[block.b + n]) for block in blocks for n in range(block.size)]


def compare_cells(
    original: dict[str, Any], promoted: dict[str, Any], tolerance: float = TOLERANCE
) -> Difference | None:
    """The first number in which two executed cells differ, or None."""
    left, right = shown_numbers(original), shown_numbers(promoted)
    for one, other in zip(left, right, strict=False):
        if not equal(one.value, other.value, tolerance):
            return _difference(original, _named(one), _named(other))
    if len(left) != len(right):
        return _difference(original, f"{len(left)} numbers", f"{len(right)} numbers")
    return None


def metric_rows(original: dict[str, Any], promoted: dict[str, Any], tolerance: float = TOLERANCE) -> list[MetricRow]:
    """The named numbers of a cell, side by side."""
    left, right = shown_numbers(original), shown_numbers(promoted)
    expression = _last_expression(text(original["source"]))
    rows = []
    for at, one in enumerate(left):
        name = one.label or (expression if len(left) == 1 else "")
        if any(letter.isalpha() for letter in name) and (one.alone or _METRIC.search(name)):
            other = right[at].value if at < len(right) else None
            same = other is not None and equal(one.value, other, tolerance)
            rows.append(MetricRow(cell_number(original), name, one.value, other, same))
    return rows


def cell_number(cell: dict[str, Any]) -> int:
    """The place of an executed cell among all cells of its notebook, from 1."""
    return int(cell["metadata"].get("mvops", {}).get("cell", 0))


def _original_of(cell: dict[str, Any], by_name: dict[Any, dict[str, Any]]) -> dict[str, Any] | None:
    named = cell["metadata"].get("mvops", {}).get("original_cell")
    return by_name.get(named) if named is not None else None


def _difference(cell: dict[str, Any], original: str, promoted: str) -> Difference:
    return Difference(cell_number(cell), text(cell["source"]).strip().split("\n")[0][:100], original, promoted)


def _named(shown: Shown) -> str:
    return f"{shown.label} {shown.written}".strip()


def _last_expression(source: str) -> str:
    try:
        body = parse_cell(source).tree.body
    except NotebookError:
        return ""
    return ast.unparse(body[-1])[:60] if body and isinstance(body[-1], ast.Expr) else ""
