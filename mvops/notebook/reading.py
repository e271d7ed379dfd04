"""What a notebook's code reads besides its variables: modules, local source files, data files named in the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from pathlib import Path

from mvops.errors import NotebookError
from mvops.notebook.cells import parse_cell
from mvops.notebook.digests import file_sha256
from mvops.witness import is_file, is_folder, matching, resolved

_READERS = re.compile(r"read_\w+|load\w*|open|genfromtxt|fromfile|imread|DictReader|reader")
_LONGEST_NAME = 1000


def imported_modules(sources: Iterable[str]) -> frozenset[str]:
    """The dotted names of all modules that the code imports, also inside functions."""
    return frozenset(name for source in sources for name in _imports(parse_cell(source).tree))


def local_sources(modules: Iterable[str], folder: Path, root: Path) -> dict[str, str]:
    """The sha256 of each source file, in `folder` or between it and `root`, that the modules are made of.

    Also of those that they import themselves. Names are relative to `root` where they can be.
    """
    found: dict[str, str] = {}
    waiting = list(modules)
    seen: set[str] = set()
    top = resolved(root)
    places = _places(resolved(folder), top)
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        for file in next((files for place in places if (files := _files(place, module))), []):
            name = file.relative_to(top) if file.is_relative_to(top) else file
            found[name.as_posix()] = file_sha256(file)
            waiting += _imports_of(file)
    return found


def files_read(source: str, folder: Path, written: frozenset[str]) -> list[Path]:
    """Existing files that the cell reads by a name spelt out in a call such as `read_csv("x.csv")`."""
    return [folder / name for name in names_of_files(source, written) if is_file(folder / name)]


def names_of_files(source: str, written: frozenset[str]) -> list[str]:
    """What the cell reads by a name spelt out, whether there is such a file or not."""
    named = names_read(source) - written
    return sorted(name for name in named if 0 < len(name) < _LONGEST_NAME and name.isprintable())


def names_read(source: str) -> frozenset[str]:
    """Texts that stand first in a reading call, such as `read_csv("x.csv")`."""
    return frozenset(
        call.args[0].value
        for call in ast.walk(parse_cell(source).tree)
        if isinstance(call, ast.Call)
        and call.args
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, str)
        and _READERS.fullmatch(_called(call))
    )


def names_written(sources: Iterable[str]) -> frozenset[str]:
    """Texts that stand elsewhere than first in a reading call: a file of that name may be the notebook's own work."""
    written: set[str] = set()
    for source in sources:
        tree = parse_cell(source).tree
        read = {
            id(call.args[0])
            for call in ast.walk(tree)
            if isinstance(call, ast.Call) and call.args and _READERS.fullmatch(_called(call)) and not _writes(call)
        }
        written |= {
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in read
        }
    return frozenset(written)


def _writes(call: ast.Call) -> bool:
    modes = [*call.args[1:2], *(keyword.value for keyword in call.keywords if keyword.arg == "mode")]
    return _called(call) == "open" and any(
        isinstance(mode, ast.Constant) and set(str(mode.value)) & set("wax+") for mode in modes
    )


def _called(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _imports(tree: ast.AST) -> list[str]:
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [node.module] if node.module else [alias.name for alias in node.names]
    return names


def _imports_of(file: Path) -> list[str]:
    try:
        return [name.partition(".")[0] for name in _imports(parse_cell(file.read_text(encoding="utf-8")).tree)]
    except (NotebookError, OSError, ValueError):
        return []


def _places(folder: Path, root: Path) -> list[Path]:
    above = [place for place in folder.parents if place.is_relative_to(root)]
    return [folder, *above, root / "src"]


def _files(place: Path, module: str) -> list[Path]:
    single = place / f"{module}.py"
    if is_file(single):
        return [single]
    package = place / module
    return matching(package, "**/*.py") if is_folder(package) else []
