"""A promoted (or hand-tagged) notebook as the running half sees it: cells with a role, in steps, without nbformat."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from mvops.core.naming import check_name, suggest_name
from mvops.core.nearest import did_you_mean
from mvops.errors import NotebookError, Where
from mvops.witness import is_folder, note_content

Role = Literal["parameters", "setup", "step", "skip", "markdown"]
_SKIPPED = {"skip", "injected-parameters"}


@dataclass(frozen=True)
class DocumentCell:
    """`number` is the place among all cells, from 1; `book` that of the notebook in its pipeline, from 0."""

    number: int
    role: Role
    step: str | None  # of a step's own cell
    source: str
    raw: dict[str, Any]
    book: int = 0


@dataclass(frozen=True)
class Document:
    """`folder` is where its code runs. Cells are in the notebook's order, without empty ones."""

    path: Path
    folder: Path
    steps: tuple[str, ...]
    cells: tuple[DocumentCell, ...]
    metadata: dict[str, Any]

    @cached_property
    def code(self) -> tuple[DocumentCell, ...]:
        """The code cells that run."""
        return tuple(cell for cell in self.cells if cell.role not in {"skip", "markdown"})

    @cached_property
    def parameters_cell(self) -> DocumentCell | None:
        """The cell tagged `parameters`, if there is one."""
        return next((cell for cell in self.cells if cell.role == "parameters"), None)


def read_documents(paths: Sequence[Path], root: Path) -> tuple[Document, ...]:
    """Read the notebooks of a pipeline, in their order.

    Where there are several, one without tags is one step, named after its file, and no two may have a step of the same
    name: a NotebookError.
    """
    if len(paths) == 1:
        return (read_document(paths[0], root),)
    documents: list[Document] = []
    first: dict[str, tuple[Path, int]] = {}
    for book, path in enumerate(paths):
        read = read_document(path, root, unnamed=step_named_after(path))
        cells = tuple(replace(cell, book=book) for cell in read.cells)
        documents.append(replace(read, cells=cells))
        for step in read.steps:
            number = next(cell.number for cell in cells if cell.step == step)
            if step in first:
                other, there = first[step]
                raise NotebookError(
                    f"Step {step!r} is in cell {number}, and in {other.name} too, in cell {there}: every step of a "
                    "pipeline has a name of its own.",
                    hint=f"Tag this one otherwise, such as `step:{step}_{book + 1}`.",
                    where=Where(path),
                )
            first[step] = path, number
    return tuple(documents)


def step_named_after(path: Path) -> str:
    """What the step of an untagged notebook is called in a pipeline of several."""
    return suggest_name(re.sub(r"^[\W\d_]+", "", path.stem) or path.stem)


def read_document(path: Path, root: Path, unnamed: str = "main") -> Document:
    """Read a notebook file; `metadata.mvops.cwd` is relative to `root`, without it the notebook's own folder counts.

    `unnamed` is the step of cells that no tag puts into one.
    """
    book = _read_json(path)
    where = Where(path)
    if book.get("nbformat") != 4 or not isinstance(book.get("cells"), list):
        raise NotebookError(
            f"This is a notebook of format {book.get('nbformat')}, only format 4 can be run.",
            hint=f"Upgrade it with: jupyter nbconvert --to notebook --inplace {path.name}",
            where=where,
        )
    metadata = book.get("metadata", {})
    ours = metadata.get("mvops", {})
    folder = root / ours["cwd"] if "cwd" in ours else path.parent
    if not is_folder(folder):
        raise NotebookError(
            f"The folder that the notebook runs in does not exist: {folder}.",
            hint="Correct metadata.mvops.cwd of the notebook, or promote it again.",
            where=where,
        )
    cells = document_cells(book, where, unnamed)
    steps = tuple(dict.fromkeys(cell.step for cell in cells if cell.step is not None))
    if not steps:
        raise NotebookError("The notebook has no code cell that runs.", where=where)
    _check_order(cells, where)
    return Document(path, folder, steps, cells, metadata)


def document_cells(book: dict[str, Any], where: Where, unnamed: str = "main") -> tuple[DocumentCell, ...]:
    """The cells of a notebook of format 4; raise NotebookError for tags that contradict each other."""
    steps = book.get("metadata", {}).get("mvops", {}).get("steps", [])
    return tuple(_cells(book["cells"], [*steps, unnamed], where))


def check_steps(book: dict[str, Any], where: Where) -> None:
    """Raise NotebookError where the tags contradict each other, or the cells of a step do not stand together."""
    _check_order(document_cells(book, where), where)


def text(source: str | list[str]) -> str:
    """A cell's source, which the format allows to be a list of lines."""
    return source if isinstance(source, str) else "".join(source)


_ANEW = (
    "To make it again from the original: mvops promote NOTEBOOK --force,"
    " which writes the model's YAML anew as well: keep a copy of what you wrote there"
)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = path.read_bytes()
        note_content(path, content)
        book = json.loads(content.decode())
    except FileNotFoundError:
        meant = did_you_mean(path.name, [each.name for each in path.parent.glob("*.ipynb")])
        hint = f"Bring it back from Git or a backup. {_ANEW}"
        raise NotebookError(f"There is no notebook {path}{meant or '.'}", hint=hint, where=Where(path)).named_by(
            "notebook"
        ) from None
    except (OSError, ValueError) as error:
        raise NotebookError(
            f"The notebook cannot be read: {error}.",
            hint=f"A merge conflict often does this. Bring the file back. {_ANEW}",
            where=Where(path),
        ).named_by("notebook") from None
    if not isinstance(book, dict):
        raise NotebookError("The file is JSON, but no notebook.", where=Where(path)).named_by("notebook")
    return book


def _cells(raws: list[dict[str, Any]], steps: list[str], where: Where) -> list[DocumentCell]:
    tags = [list(raw.get("metadata", {}).get("tags", [])) for raw in raws]
    tagged = [_step_of(each, where) for each in tags]
    current = next((step for step in tagged if step), steps[0])
    cells: list[DocumentCell] = []
    for number, (raw, own_tags, step) in enumerate(zip(raws, tags, tagged, strict=True), start=1):
        source = text(raw.get("source", ""))
        if raw.get("cell_type") != "code":
            cells.append(DocumentCell(number, "markdown", None, source, raw))
            continue
        if not source.strip():
            continue
        role = _role(own_tags)
        if role == "parameters" and any(cell.role == role for cell in cells):
            raise NotebookError(
                f"Cell {number} is a second cell tagged `parameters`.", hint="Join the two cells.", where=where
            )
        if role == "step":
            current = step or current
        cells.append(DocumentCell(number, role, current if role == "step" else None, source, raw))
    return cells


def _role(tags: list[str]) -> Role:
    if _SKIPPED.intersection(tags):
        return "skip"
    if "parameters" in tags:
        return "parameters"
    return "setup" if "setup" in tags else "step"


def _step_of(tags: list[str], where: Where) -> str | None:
    names = [tag.removeprefix("step:") for tag in tags if tag.startswith("step:")]
    if len(names) > 1:
        raise NotebookError(f"A cell is tagged with several steps: {', '.join(names)}.", where=where)
    if not names:
        return None
    try:
        return check_name(names[0])
    except ValueError as error:
        raise NotebookError(f"The tag step:{names[0]} names no step: {error}.", where=where) from None


def _check_order(cells: tuple[DocumentCell, ...], where: Where) -> None:
    finished: set[str] = set()
    current = ""
    for cell in cells:
        if cell.step is None or cell.step == current:
            continue
        if cell.step in finished:
            raise NotebookError(
                f"Step {cell.step!r} goes on at cell {cell.number}, after step {current!r}: a step's cells must stand "
                "together.",
                hint=f"Tag cell {cell.number} with another step, such as `step:{cell.step}_2`.",
                where=where,
            )
        finished.add(current)
        current = cell.step
