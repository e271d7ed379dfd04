"""Changing single expressions in a cell's source and leaving every other character alone."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Edit:
    """Put `text` where `node` is."""

    node: ast.expr | ast.stmt
    text: str


def edited(source: str, edits: Sequence[Edit]) -> str:
    """`source` with all edits made. Their nodes come from parsing this very source and do not overlap."""
    lines = source.split("\n")
    for edit in sorted(edits, key=lambda e: (e.node.lineno, e.node.col_offset), reverse=True):
        first, last = edit.node.lineno - 1, (edit.node.end_lineno or edit.node.lineno) - 1
        head = lines[first].encode()[: edit.node.col_offset].decode()  # offsets count bytes
        tail = lines[last].encode()[edit.node.end_col_offset or 0 :].decode()
        lines[first : last + 1] = [head + edit.text + tail]
    return "\n".join(lines)
