"""Preflight: what is to be known of a notebook, whether it can be promoted or not. Nothing is written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from mvops.errors import NotebookError
from mvops.notebook.code import Code, code_cells, python_2_names
from mvops.notebook.finding import Finding, found_at, in_order, shown_line, together
from mvops.notebook.parameters import Place
from mvops.notebook.preflight import examine, undefined
from mvops.notebook.promotion import Promotion, about_python_2, promote
from mvops.notebook.read import read_notebook, says_python_2
from mvops.notebook.several import promote_several


@dataclass(frozen=True)
class Checked:
    """The findings, the worst first, and what promotion would make; None where an error prevents it."""

    findings: list[Finding]
    promotion: Promotion | None


def check(path: Path, *, root: Path, name: str) -> Checked:
    """Look at the notebook at `path` as a model `name` of the project at `root`. Raises nothing for what it finds."""
    try:
        promotion = promote(path, root=root, name=name)
    except NotebookError as error:
        errors, others = _looked_through(path, root)
        return Checked(in_order([*(errors or [_whole(error)]), *others]), None)
    return Checked(promotion.findings, promotion)


def check_several(paths: Sequence[Path], *, root: Path, name: str) -> Checked:
    """The same of several that make one pipeline; every finding says in which of them it is."""
    try:
        promotion = promote_several(paths, root=root, name=name)
    except NotebookError as error:
        looked = [(path, *_looked_through(path, root)) for path in paths]
        refused = error.where.file if error.where is not None else None
        named = [(path.name, [*errors, *others]) for path, errors, others in looked]
        if not any(errors for _, errors, _ in looked):
            own = next((path.name for path in paths if path == refused), "")
            named.append((own, [_whole(error)]))
        return Checked(together(named), None)
    return Checked(promotion.findings, promotion)


def _looked_through(path: Path, root: Path) -> tuple[list[Finding], list[Finding]]:
    """The errors in a notebook that cannot be promoted, and what else there is."""
    try:
        notebook = read_notebook(path)
    except NotebookError as error:
        return [_whole(error)], []
    cells, errors = _readable(notebook, path)
    broken = min((each.cell or 0 for each in errors), default=len(notebook.cells) + 1)  # it may define any name
    found = list(undefined([code for code in cells if code.number < broken]))
    old = python_2_names(cells) if cells and (says_python_2(notebook) or found) else None
    if old is not None:
        message, hint = about_python_2(*old)
        errors.append(found_at(old[0], 1, "syntax", "error", message, hint))
    return [*errors, *found], examine(notebook, cells, Place(root, path.parent)) if cells else []


def _whole(error: NotebookError) -> Finding:
    return Finding("not_promotable", "error", error.message, error.hint or "")


def _readable(notebook: NotebookNode, path: Path) -> tuple[list[Code], list[Finding]]:
    """The cells that parse, and an error for each that does not."""
    kept: list[Code] = []
    errors: list[Finding] = []
    rest = NotebookNode(notebook)  # type: ignore[no-untyped-call]
    rest["cells"] = list(notebook.cells)
    while True:
        try:
            kept = code_cells(rest, path)
        except NotebookError as error:
            at = int(found[1]) - 1 if (found := re.match(r"Cell (\d+):", error.message)) else -1
            if at < 0:
                return kept, [*errors, _whole(error)]
            source = rest["cells"][at].source
            line = int(told[1]) if (told := re.search(r"line (\d+)", error.message)) else 1
            text = shown_line(source, line)
            errors.append(Finding("syntax", "error", error.message, error.hint or "", at + 1, line, text))
            rest["cells"][at] = NotebookNode(rest["cells"][at], source="")  # type: ignore[no-untyped-call]
        else:
            return kept, errors
