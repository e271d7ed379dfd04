"""Notebooks made on the spot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from mvops.notebook.promotion import Promotion, promote

Book = Callable[..., Path]


@pytest.fixture
def book(tmp_path: Path) -> Book:
    """Write a notebook of cells: text beginning with `#: ` is markdown, all else is code."""

    def write(*sources: str, name: str = "notebooks/work.ipynb", **metadata: object) -> Path:
        cells = [
            new_markdown_cell(s.removeprefix("#: "), id=f"cell-{n}")
            if s.startswith("#: ")
            else new_code_cell(s, id=f"cell-{n}")
            for n, s in enumerate(sources, start=1)
        ]
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(new_notebook(cells=cells, metadata=metadata), path)
        return path

    return write


@pytest.fixture
def promoted(book: Book, tmp_path: Path) -> Callable[..., Promotion]:
    """Promote a notebook of the given cells."""

    def make(*sources: str, split: str = "auto", name: str = "notebooks/work.ipynb") -> Promotion:
        return promote(book(*sources, name=name), root=tmp_path, name="work", split=split)

    return make


def tags(promotion: Promotion) -> list[str]:
    """The first tag of every code cell, in order."""
    return [cell.metadata.tags[0] for cell in promotion.notebook.cells if cell.cell_type == "code"]


def source_of(promotion: Promotion, cell_id: str) -> str:
    """The source of one cell."""
    return next(cell.source for cell in promotion.notebook.cells if cell.id == cell_id)


def run(sources: list[str]) -> dict[str, object]:
    """Run cells one after the other, as a kernel would."""
    scope: dict[str, object] = {"__name__": "__main__"}
    for source in sources:
        exec(source, scope)  # noqa: S102
    return scope


def codes(promotion: Promotion, *, skipped: bool = True) -> list[str]:
    """The sources of the code cells, with or without those that production leaves out."""
    return [
        cell.source
        for cell in promotion.notebook.cells
        if cell.cell_type == "code" and (skipped or "skip" not in cell.metadata.tags)
    ]
