"""Notebooks made on the spot, and what promotion makes of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from mvops.notebook.promotion import Promotion, promote

Book = Callable[..., Path]


@dataclass
class Promoted:
    """A promotion with short ways to look at its notebook."""

    promotion: Promotion

    @property
    def steps(self) -> list[str]:
        return self.promotion.steps

    @property
    def notes(self) -> list[str]:
        return self.promotion.notes

    @property
    def outputs(self) -> dict[str, str]:
        return self.promotion.config["pipeline"]["outputs"]

    @property
    def tags(self) -> list[str]:
        """The one tag of every code cell, in order."""
        return [cell.metadata.tags[0] for cell in self.code]

    @property
    def code(self) -> list[nbformat.NotebookNode]:
        return [cell for cell in self.promotion.notebook.cells if cell.cell_type == "code"]

    def cell(self, cell_id: str) -> nbformat.NotebookNode:
        return next(cell for cell in self.promotion.notebook.cells if cell.id == cell_id)

    def sources(self, *, skipped: bool) -> list[str]:
        """The code, with or without what production leaves out."""
        return [cell.source for cell in self.code if skipped or "skip" not in cell.metadata.tags]


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
def promoted(book: Book, tmp_path: Path) -> Callable[..., Promoted]:
    """Promote a notebook of the given cells."""

    def make(*sources: str, split: str = "auto", name: str = "notebooks/work.ipynb") -> Promoted:
        return Promoted(promote(book(*sources, name=name), root=tmp_path, name="work", split=split))

    return make
