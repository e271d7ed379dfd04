"""Files that one notebook of a pipeline writes and another reads, as far as the code spells out their names."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

from mvops.notebook.code import Code, stored_counts
from mvops.notebook.document import Document
from mvops.notebook.parameters import Place
from mvops.notebook.paths import covers, looks_like_path, path_kind
from mvops.notebook.process_state import dotted
from mvops.notebook.reading import names_written
from mvops.notebook.sources import source_name
from mvops.notebook.walking import targets_of

_WRITES = re.compile(r"to_\w+|save\w*|dump|write\w*|savefig|imsave|export\w*|copy\w*|move")
_READS = re.compile(
    r"read_\w+|scan_\w+|load\w*|open\w*|genfromtxt|fromfile|imread|from_csv|from_parquet|ExcelFile|HDFStore|ParquetFile"
)
_DEEPEST = 20


class NamedFiles:
    """The files below the project that a notebook's code names, each with the first cell that does.

    In a name that is put together of parts, `*` stands for what the code does not say.
    """

    def __init__(self, cells: Sequence[Code], place: Place) -> None:
        self._cells, self._place = cells, place

    @cached_property
    def written(self) -> dict[str, Code]:
        """What it writes."""
        return self._named(writing=True)

    @cached_property
    def read(self) -> dict[str, Code]:
        """What it reads."""
        return self._named(writing=False)

    def of_node(self, node: ast.AST, *, writing: bool) -> list[str]:
        """The files that the calls in a piece of code write, or read."""
        calls = [each for each in ast.walk(node) if isinstance(each, ast.Call)]
        return [path for call in calls for named in _files(call, writing=writing) for path in self._below(named)]

    def _named(self, *, writing: bool) -> dict[str, Code]:
        found: dict[str, Code] = {}
        for code in self._cells if not self._place.moves else ():
            for path in self.of_node(code.cell.tree, writing=writing):
                found.setdefault(path, code)
        return found

    def _below(self, node: ast.expr) -> Iterator[str]:
        text = self._text(node)
        if text is not None and looks_like_path(text) and path_kind(text) == "relative":
            below = self._place.in_project(text)
            if below is not None and below.strip("*/."):
                yield below

    @cached_property
    def _bound(self) -> dict[str, ast.expr]:
        counts = stored_counts(self._cells)
        pairs = (pair for code in self._cells for statement in code.statements() for pair in targets_of(statement))
        return {t.id: value for t, value in pairs if isinstance(t, ast.Name) and counts[t.id] == 1}

    def _text(self, node: ast.expr, depth: int = 0) -> str | None:  # noqa: PLR0911 -- one line for each form
        """What an expression says, `*` where it does not; None for what is no text."""
        if depth > _DEEPEST:
            return None
        match node:
            case ast.Constant(value=str(text)):
                return text
            case ast.Name(id=name) if name in self._bound:
                return self._text(self._bound[name], depth + 1)
            case ast.JoinedStr(values=parts):
                return "".join(self._part(part, depth) for part in parts)
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                return self._joined([left, right], depth)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._part(left, depth) + self._part(right, depth)
            case ast.Call(func=function, args=[_, *_] as parts) if _joins(function):
                owner = [function.value] if isinstance(function, ast.Attribute) and function.attr == "joinpath" else []
                return self._joined([*owner, *parts], depth)
        return None

    def _part(self, node: ast.expr, depth: int) -> str:
        inner = node.value if isinstance(node, ast.FormattedValue) else node
        text = self._text(inner, depth + 1)
        return "*" if text is None else text

    def _joined(self, nodes: Sequence[ast.expr], depth: int) -> str:
        return posixpath.join(*(self._part(node, depth) for node in nodes))


def _joins(function: ast.expr) -> bool:
    name = dotted(function).rpartition(".")[2] or getattr(function, "attr", "")
    of_path = dotted(getattr(function, "value", function)) in {"os.path", "path", "posixpath"}
    return name in {"Path", "PurePath", "PosixPath", "joinpath", "str", "fspath"} or (name == "join" and of_path)


def _files(call: ast.Call, *, writing: bool) -> list[ast.expr]:
    """The expressions in a call that may name a file which it writes, or reads."""
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    owner = [call.func.value] if isinstance(call.func, ast.Attribute) else []
    if name == "open" or re.fullmatch(r"(?:read|write)_(?:text|bytes)", name):
        wanted = name.startswith("write") or any(
            isinstance(mode, ast.Constant) and re.fullmatch(r"[wax]b?t?\+?b?", str(mode.value)) for mode in given
        )
        return [*owner, *call.args[:1]] if wanted == writing else []
    if writing:
        return given[-1:] if re.match(r"copy|move", name) else given if _WRITES.fullmatch(name) else []
    return given if _READS.fullmatch(name) else []


def named_in(documents: Sequence[Document], root: Path) -> Callable[[Path], bool]:
    """May these promoted notebooks write a file? What is read from there rests on their steps, not on its content."""
    code = [cell.source for document in documents for cell in document.code if cell.role != "parameters"]
    names = {name.replace("\\", "/").rpartition("/")[2] for name in names_written(code)}
    patterns: set[str] = set()  # of names that are put together as they run
    for document in documents:
        cells = [Code(cell.number - 1, "", cell.source, frozenset()) for cell in document.code]
        patterns.update(path for path in NamedFiles(cells, Place(root, document.folder)).written if "*" in path)
    return lambda file: file.name in names or any(covers(each, source_name(file, root)) for each in patterns)


def made_for(named: Sequence[NamedFiles], at: int) -> tuple[str, ...]:
    """The files that are the pipeline's own work for the notebook at a place: of those before it, and its own."""
    before = {path for each in named[:at] for path in each.written}
    own = {path for path, code in named[at].written.items() if not _read_first(named[at], path, code)}
    return tuple(sorted(before | own))


def read_too_early(named: Sequence[NamedFiles], at: int) -> tuple[str, Code, int, Code] | None:
    """A file that the notebook at a place reads, and that only a later one makes: with the cells of both."""
    made = made_for(named, at)
    for path, code in named[at].read.items():
        for place, later in enumerate(named[at + 1 :], start=at + 1):
            writer = later.written.get(path)
            if writer is not None and path not in made and not _read_first(later, path, writer):
                return path, code, place, writer
    return None


def _read_first(named: NamedFiles, path: str, writer: Code) -> bool:
    """Does the notebook read the file before it writes it? Then it is there before."""
    reader = named.read.get(path)
    return reader is not None and reader.at <= writer.at
