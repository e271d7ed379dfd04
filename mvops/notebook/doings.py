"""What a cell does, as a digest: the same where only comments, blank lines and layout differ."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from typing import Any

from mvops.errors import NotebookError
from mvops.notebook.cells import parse_cell
from mvops.notebook.changed_cells import tidy

_UNSEEN = {"ctx", "kind", "type_comment"}


def text_of(source: str) -> str:
    """The digest of a cell's text; white space at the ends of lines does not count."""
    return _short(tidy(source))


def does(source: str, *, code: bool) -> str:
    """The digest of what a cell does: its layout and its comments do not count. Of prose, of its words."""
    if not code:
        return _short(" ".join(source.split()))
    try:
        cell = parse_cell(source)
    except NotebookError:
        return text_of(source)
    if cell.language or any(magic.endswith("\\") for magic in cell.magics):  # of such a magic the rest is not known
        return text_of(source)
    try:
        return _short("\n".join([*cell.magics, *_shape(cell.tree)]))
    except RecursionError:
        return text_of(source)


def _shape(node: Any) -> Iterator[str]:
    """The tree as text that is the same under every Python, which `ast.dump` is not."""
    if isinstance(node, ast.AST):
        yield f"({type(node).__name__}"
        for name, value in ast.iter_fields(node):
            if name not in _UNSEEN and value is not None and value != []:
                yield name
                yield from _shape(value)
        yield ")"
    elif isinstance(node, list):
        for each in node:
            yield from _shape(each)
    else:
        yield f"{type(node).__name__} {node!r}"


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:20]
