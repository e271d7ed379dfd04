"""What `--check` finds in a notebook: each thing with its place, how bad it is, and what to do about it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from mvops.notebook.code import Code
from mvops.notebook.secrets import masked

Severity = Literal["error", "warning", "note"]  # an error prevents promotion
Kind = Literal[
    "absolute_path",
    "execution_order",
    "hidden_state",
    "installs",
    "kernel",
    "leak",
    "missing_file",
    "network",
    "not_found",
    "not_promotable",
    "secret",
    "skew",
    "syntax",
    "undefined_name",
    "unseeded",
]
_ORDER: tuple[Severity, ...] = ("error", "warning", "note")
_LONGEST = 160


@dataclass(frozen=True)
class Finding:
    """`message` says what is so, `remedy` what to do, each in whole sentences.

    `cell` counts from 1 among all cells, `line` from 1 in the cell; `source` is that line, without secrets. They are
    None and "" for what concerns the whole notebook. `notebook` is the file's name where there are several.
    """

    kind: Kind
    severity: Severity
    message: str
    remedy: str
    cell: int | None = None
    line: int | None = None
    source: str = ""
    notebook: str = ""

    @property
    def sentence(self) -> str:
        """All of it in one note."""
        return f"{self.message} {self.remedy}".strip()

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return without_notebook(asdict(self))


def found_at(code: Code, where: ast.AST | int, kind: Kind, severity: Severity, message: str, remedy: str) -> Finding:
    """A finding at a node, or a line, of a cell."""
    line = where if isinstance(where, int) else getattr(where, "lineno", 1)
    return Finding(kind, severity, message, remedy, code.number, line, shown_line(code.source, line))


def shown_line(source: str, line: int) -> str:
    """One line of a cell as it may be shown."""
    lines = source.split("\n")
    text = masked(lines[line - 1].strip()) if 0 < line <= len(lines) else ""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def line_with(code: Code, text: str) -> int:
    """The first line that holds this text, else 1."""
    return next((n for n, line in enumerate(code.source.split("\n"), start=1) if text in line), 1)


def without_notebook(plain: dict[str, Any]) -> dict[str, Any]:
    """What is found in a notebook, as data: of one notebook alone, its name goes without saying."""
    return {key: value for key, value in plain.items() if key != "notebook" or value}


def together(findings: Iterable[tuple[str, Sequence[Finding]]]) -> list[Finding]:
    """Those of several notebooks, each with its name: the worst first, then as they stand."""
    named = [replace(each, notebook=notebook) for notebook, found in findings for each in in_order(found)]
    return sorted(named, key=lambda each: _ORDER.index(each.severity))


def in_order(findings: Sequence[Finding]) -> list[Finding]:
    """The worst first, then as they stand in the notebook; what concerns all of it comes before."""
    unique = dict.fromkeys(findings)
    return sorted(unique, key=lambda each: (_ORDER.index(each.severity), each.cell or 0, each.line or 0))
