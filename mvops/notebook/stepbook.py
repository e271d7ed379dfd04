"""Write a step's own notebook: the cells of its slice, with the load and the save between and after them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mvops.notebook import handover
from mvops.notebook.document import Document, DocumentCell
from mvops.notebook.injection import injected_source
from mvops.notebook.slices import StepSlice


def step_notebook(
    document: Document, part: StepSlice, values: Mapping[str, Any], incoming: Path, outgoing: Path
) -> dict[str, Any]:
    """The notebook of one step as nbformat 4.5; it loads from `incoming` and saves to `outgoing`, two folders.

    Each of the user's cells carries its number in the promoted notebook as `metadata.mvops.cell`.
    """
    cells: list[dict[str, Any]] = []
    if document.parameters_cell is not None:
        cells.append(_users(document.parameters_cell))
    if values:
        cells.append(_ours("injected-parameters", injected_source(values)))
    if part.inherited:
        cells.append(_ours("mvops-definitions", "\n\n".join(part.inherited)))
    cells += [_users(cell) for cell in part.setup]
    if part.early:
        cells.append(_ours("mvops-definitions", "\n\n".join(part.early)))
    if part.loads:
        cells.append(_ours("mvops-load", _call("load", incoming)))
    if part.late:
        cells.append(_ours("mvops-definitions", "\n\n".join(part.late)))
    cells += [_users(cell) for cell in _with_markdown(document, part)]
    cells.append(_ours("mvops-save", _call("save", outgoing)))
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    metadata = {key: value for key, value in document.metadata.items() if key in {"kernelspec", "language_info"}}
    metadata.setdefault("language_info", {"name": "python"})
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}


def write_request(part: StepSlice, folder: Path) -> None:
    """Tell the save what to write into `folder`."""
    request = {
        "values": sorted(part.saves - {handover.RANDOM}),
        "outputs": sorted(part.outputs),
        "definitions": sorted(part.shared_definitions),
        "random": handover.RANDOM in part.saves,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / handover.REQUEST).write_text(json.dumps(request), encoding="utf-8")


def _with_markdown(document: Document, part: StepSlice) -> list[DocumentCell]:
    """The step's own cells, each after the texts that stand before it in the notebook."""
    numbers = {cell.number for cell in part.own}
    cells: list[DocumentCell] = []
    texts: list[DocumentCell] = []
    for cell in document.cells:
        if cell.role == "markdown":
            texts.append(cell)
            continue
        if cell.number in numbers:
            cells += [*texts, cell]
        texts = []
    return cells


def _users(cell: DocumentCell) -> dict[str, Any]:
    metadata = {**cell.raw.get("metadata", {})}
    metadata["mvops"] = {**metadata.get("mvops", {}), "cell": cell.number}
    if cell.role == "markdown":
        return {"cell_type": "markdown", "metadata": metadata, "source": cell.source}
    return {"cell_type": "code", "metadata": metadata, "source": cell.source, "outputs": [], "execution_count": None}


def _ours(tag: str, source: str) -> dict[str, Any]:
    metadata = {"tags": [tag], "jupyter": {"source_hidden": False}}
    return {"cell_type": "code", "metadata": metadata, "source": source, "outputs": [], "execution_count": None}


def _call(function: str, folder: Path) -> str:
    # One expression that binds no name and leans on none that a notebook may have taken for itself.
    file = str(Path(handover.__file__).resolve())
    scope = '__import__("builtins").globals()'
    return f'__import__("runpy").run_path({file!a})[{function!r}]({scope}, {str(folder)!a})'
