"""A notebook's code cells, parsed: what every part of promotion works on."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mvops.errors import NotebookError, Where
from mvops.notebook.cells import Cell, parse_cell
from mvops.notebook.walking import nodes, statements

if TYPE_CHECKING:
    from nbformat import NotebookNode  # a run does without

_PYTHON_2_NAMES = {"xrange", "raw_input", "unicode", "unichr", "basestring", "execfile", "reduce", "cPickle", "urllib2"}


@dataclass(frozen=True)
class Code:
    """One code cell.

    `at` is its index in the notebook's list of cells; `headings` are those since the last code cell, as (level, text).
    `line` is where it begins in the file of a notebook that is kept as text.
    """

    at: int
    id: str
    source: str
    tags: frozenset[str]
    headings: tuple[tuple[int, str], ...] = ()
    line: int | None = None

    @cached_property
    def cell(self) -> Cell:
        """The parsed source."""
        return parse_cell(self.source)

    @property
    def number(self) -> int:
        """What a user counts: the place among all cells, from 1."""
        return self.at + 1

    def where(self, path: Path, name: str | None = None) -> Where:
        """Its place in the file, or that of the first use of a name; no line in a notebook that is JSON."""
        if self.line is None:
            return Where(path)
        used = (n.lineno for n in ast.walk(self.cell.tree) if isinstance(n, ast.Name) and n.id == name)
        return Where(path, self.line + min(used, default=1) - 1)

    def statements(self) -> Iterator[ast.stmt]:
        """Every statement that runs with the cell."""
        return statements(self.cell.tree.body)

    def text(self, node: ast.AST) -> str:
        """The source of a node."""
        return ast.get_source_segment(self.source, node) or ""

    def with_source(self, source: str) -> Code:
        """The same cell with another source."""
        return replace(self, source=source)


def code_cells(notebook: NotebookNode, path: Path) -> list[Code]:
    """The code cells that hold anything; one that is no Python 3 is a NotebookError that names it."""
    found, headings = [], []
    for at, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            headings += _headings(cell.source)
        elif cell.cell_type == "code" and cell.source.strip():
            tags = cell.metadata.get("tags")
            tags = frozenset(t for t in tags if isinstance(t, str)) if isinstance(tags, list) else frozenset[str]()
            line = _line(cell)
            source = _parsed(cell.source, at, Where(path, line))
            found.append(Code(at, cell.id, source, tags, tuple(headings), line))
            headings = []
    return found


def _line(cell: NotebookNode) -> int | None:
    """Where `text_notebook` has found it."""
    ours = cell.metadata.get("mvops")
    line = ours.get("line") if isinstance(ours, dict) else None
    return line if isinstance(line, int) else None


def _parsed(source: str, at: int, where: Where) -> str:
    try:
        return parse_cell(source).source
    except NotebookError as error:
        within = re.search(r"\bline (\d+)", error.message)
        if where.line is not None and within:
            where = replace(where, line=where.line + int(within[1]) - 1)
        raise NotebookError(f"Cell {at + 1}: {error.message}", hint=error.hint, where=where) from None


def _headings(source: str) -> list[tuple[int, str]]:
    lines = re.sub(r"```.*?```", "", source, flags=re.DOTALL).split("\n")
    marked = [(len(m[1]), _plain(m[2])) for line in lines if (m := re.match(r"\s{0,3}(#{1,6})\s*(\S.*)", line))]
    html = [
        (int(m[1]), _plain(m[2])) for m in re.finditer(r"<h([1-6])[^>]*>(.*?)</h\1>", source, re.DOTALL | re.IGNORECASE)
    ]
    return [(level, text) for level, text in marked + html if text]


def _plain(text: str) -> str:
    return re.sub(r"<[^>]*>|[*_`#]|\[|\]\([^)]*\)", "", text).strip()


def modules_of(cells: Sequence[Code]) -> dict[str, str]:
    """Imported name -> where it comes from, such as RandomForestClassifier -> sklearn.ensemble."""
    found: dict[str, str] = {}
    for node in (node for code in cells for node in ast.walk(code.cell.tree)):
        if isinstance(node, ast.Import):
            found.update({(a.asname or a.name).partition(".")[0]: a.name for a in node.names})
        elif isinstance(node, ast.ImportFrom):
            found.update({a.asname or a.name: node.module or "" for a in node.names})
    return found


def stored_counts(cells: Sequence[Code]) -> Counter[str]:
    """How many places bind each name outside functions, and how many functions declare it global."""
    counts: Counter[str] = Counter()
    for code in cells:
        for node in nodes(code.cell.tree):
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                counts[node.id] += 1
        for node in ast.walk(code.cell.tree):
            if isinstance(node, ast.Global):
                counts.update(node.names)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                counts[node.name] += 1
            elif isinstance(node, ast.Import | ast.ImportFrom):
                counts.update((a.asname or a.name).partition(".")[0] for a in node.names)
    return counts


def identifiers(cells: Sequence[Code]) -> set[str]:
    """Every name that the notebook uses in any way, so that a new one collides with none."""
    found: set[str] = set()
    for node in (node for code in cells for node in ast.walk(code.cell.tree)):
        match node:
            case ast.Name(id=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                found.add(name)
            case ast.ClassDef(name=name) | ast.arg(arg=name):
                found.add(name)
            case ast.alias(name=name, asname=other):
                found |= {name.partition(".")[0], other or name}
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                found |= set(names)
    words = re.compile(r"[A-Za-z_]\w*")
    return found | {word for code in cells for magic in code.cell.magics for word in words.findall(magic)}


def python_2_names(cells: Sequence[Code]) -> tuple[Code, str] | None:
    """The first use of a name that only Python 2 has, unless the notebook binds it itself."""
    bound = set(stored_counts(cells))
    for code in cells:
        used = {n.id for n in ast.walk(code.cell.tree) if isinstance(n, ast.Name)} & (_PYTHON_2_NAMES - bound)
        if used:
            return code, min(used)
    return None
