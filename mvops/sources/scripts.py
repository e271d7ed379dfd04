"""A script of Python as a notebook, where it is one from top to bottom."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from mvops.errors import NotebookError, Where
from mvops.sources.source import text_of

_MARK = re.compile(r"^# ?%%", re.MULTILINE)
_ARGUMENTS = {"argparse", "click", "typer", "fire", "hydra", "docopt"}


def as_notebook(path: Path) -> NotebookNode:
    """Its code in cells: at the marks `# %%`, else between blank lines.

    Raises NotebookError for one that works inside functions or takes its arguments from the command line: there is
    nothing of it that a pipeline could cut into steps and set parameters of.
    """
    text = text_of(path) or ""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise NotebookError(f"{path.name} is no Python 3: {error}", where=Where(path)) from None
    for why in (_guarded(tree), _takes_arguments(tree)):
        if why:
            raise NotebookError(
                f"{path.name} {why}",
                hint="Write it as a notebook that runs from top to bottom (or as a script that does), and import that.",
                where=Where(path),
            )
    cells: list[dict[str, Any]] = [
        {"id": f"script-{n}", "cell_type": "code", "metadata": {}, "source": s, "outputs": [], "execution_count": None}
        for n, s in enumerate(_pieces(text, tree))
    ]
    book: NotebookNode = nbformat.from_dict(  # type: ignore[no-untyped-call]
        {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    )
    return book


def _pieces(text: str, tree: ast.Module) -> list[str]:
    if _MARK.search(text):
        pieces = re.split(r"^# ?%%.*$", text, flags=re.MULTILINE)
    else:
        lines = text.splitlines()
        ends = [
            first.end_lineno or 0
            for first, second in zip(tree.body, tree.body[1:], strict=False)
            if any(not line.strip() for line in lines[(first.end_lineno or 0) : second.lineno - 1])
        ]
        pieces = ["\n".join(lines[a:b]) for a, b in zip([0, *ends], [*ends, len(lines)], strict=True)]
    return [piece.strip("\n") for piece in pieces if piece.strip()]


def _guarded(tree: ast.Module) -> str:
    for node in tree.body:
        if isinstance(node, ast.If) and "__name__" in ast.unparse(node.test):
            return f"does its work inside functions (line {node.lineno}: {ast.unparse(node.test)})"
    return ""


def _takes_arguments(tree: ast.Module) -> str:
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        if used := _ARGUMENTS & {name.partition(".")[0] for name in names}:
            return f"takes its arguments from the command line (line {getattr(node, 'lineno', 1)}: {min(used)})"
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "sys.argv":
            return f"takes its arguments from the command line (line {node.lineno}: sys.argv)"
    return ""
