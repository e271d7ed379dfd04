"""Writing the promoted notebook: the original's cells with tags, and a cell of parameters before them."""

from __future__ import annotations

import ast
import hashlib
import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from mvops.notebook.code import Code, modules_of
from mvops.notebook.held_out import Helper
from mvops.notebook.parameters import Lifted, Parameter
from mvops.notebook.paths import looks_like_path, path_kind
from mvops.notebook.stages import Layout

PIPELINES = "pipelines"  # the folder of promoted notebooks, below the root
KEPT = "mvops-kept-"  # ids of the cells in which rows are kept under a name
_OURS = re.compile(r"parameters|injected-parameters|setup|skip|step:.*")
_KERNEL = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}


@dataclass(frozen=True)
class Source:
    """The original notebook; `relative` and `folder` are relative to the project's root, posix."""

    path: Path
    relative: str
    folder: str
    sha256: str


def source_of(path: Path, root: Path, folder: Path) -> Source:
    """Describe the original notebook, which is run in `folder`."""
    relative, below = (posixpath.relpath(place.as_posix(), root.as_posix()) for place in (path, folder))
    return Source(path, relative, below, hashlib.sha256(path.read_bytes()).hexdigest())


def built(
    original: NotebookNode, source: Source, lifted: Lifted, layout: Layout, helpers: Sequence[Helper]
) -> NotebookNode:
    """The promoted notebook. Outputs stay behind in the original."""
    promoted = {code.at: (code, tag) for code, tag in zip(lifted.cells, layout.tags, strict=True)}
    cells: list[dict[str, Any]] = []
    first = next(at for at, cell in enumerate(original.cells) if cell.cell_type == "code")
    for at, cell in enumerate(original.cells):
        if at == first:
            cells += _before(source, lifted)
        if at in promoted:
            code, tag = promoted[at]
            cells.append(_code(code.id, code.source, [tag, *_others(code)], at))
        elif cell.cell_type == "code":
            cells.append(_code(cell.id, cell.source, ["skip"], at))
        else:
            cells.append(_text(cell, at))
        here = [(n, h) for n, h in enumerate(helpers) if lifted.cells[h.after].at == at]
        cells += [_code(f"{KEPT}{n}", h.source, [f"step:{_step_at(layout, h.after)}"], None) for n, h in here]
    return _notebook(cells, source, layout)


def _notebook(cells: list[dict[str, Any]], source: Source, layout: Layout) -> NotebookNode:
    ours = {
        "format_version": 1,
        "source": source.relative,
        "cwd": source.folder,
        "source_sha256": source.sha256,
        "steps": layout.steps,
    }
    metadata = {"kernelspec": _KERNEL, "language_info": {"name": "python"}, "mvops": ours}
    content = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    notebook: NotebookNode = nbformat.from_dict(content)  # type: ignore[no-untyped-call]
    return notebook


def _code(cell_id: str, source: str, tags: list[str], original: int | None) -> dict[str, Any]:
    metadata = {"tags": tags, "mvops": {"original_cell": original}}
    empty: dict[str, Any] = {"outputs": [], "execution_count": None}
    return {"id": cell_id, "cell_type": "code", "metadata": metadata, "source": source, **empty}


def _text(cell: NotebookNode, at: int) -> dict[str, Any]:
    attachments = {"attachments": cell["attachments"]} if "attachments" in cell else {}
    metadata = {"mvops": {"original_cell": at}}
    return {"id": cell.id, "cell_type": cell.cell_type, "metadata": metadata, "source": cell.source, **attachments}


def _others(code: Code) -> list[str]:
    return sorted(tag for tag in code.tags if not _OURS.fullmatch(tag) and "," not in tag)


def _step_at(layout: Layout, position: int) -> str:
    """The step that a line after the cell at `position` belongs to."""
    before = [role for role in layout.roles[: position + 1] if role in layout.steps]
    return before[-1] if before else layout.steps[0]


def _before(source: Source, lifted: Lifted) -> list[dict[str, Any]]:
    """The parameters, and what makes relative paths work where Jupyter runs the promoted notebook."""
    lines = [_line(parameter) for parameter in lifted.parameters] or ["# No literal was found that is worth a name."]
    text = "\n".join(["# Parameters; the defaults are those of the original notebook.", *lines])
    cells = [_code("mvops-parameters", text, ["parameters"], None)]
    if _needs_folder(source, lifted):
        folder = posixpath.relpath(source.folder, PIPELINES)
        move = (
            "# Only for working in Jupyter: files are found as from the original notebook's folder.\n"
            "import os\n\n"
            f'if os.path.basename(os.getcwd()) == "{PIPELINES}":\n    os.chdir({folder!r})'
        )
        cells.append(_code("mvops-folder", move, ["skip"], None))
    return cells


def _line(parameter: Parameter) -> str:
    used_by = f", {parameter.used_by}" if parameter.used_by != parameter.name else ""
    return f"{parameter.name} = {parameter.text}  # cell {parameter.cell}{used_by}"


def _needs_folder(source: Source, lifted: Lifted) -> bool:
    """Would a relative path, or a module beside the notebook, not be found from pipelines/?"""
    nodes = [node for code in lifted.cells for node in ast.walk(code.cell.tree)]
    texts = [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    paths = [text for text in texts if looks_like_path(text)]
    paths += [str(p.default) for p in lifted.parameters if p.role != "knob"]
    relative = [path for path in paths if path_kind(path) == "relative"]
    modules = {origin.partition(".")[0] for origin in modules_of(lifted.cells).values()}
    beside = any((source.path.parent / f"{m}.py").exists() or (source.path.parent / m).is_dir() for m in modules if m)
    same_depth = "/" not in source.folder and source.folder != "."
    moved = [path for path in relative if not (same_depth and path.startswith("../"))]
    return source.folder != PIPELINES and (bool(moved) or beside)
