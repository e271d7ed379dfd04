"""May a piece of code read or write files? Where that cannot be ruled out by reading it, it may."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from mvops.notebook.cells import parse_cell
from mvops.notebook.document import Document
from mvops.notebook.injection import declared_parameters
from mvops.notebook.paths import looks_like_path
from mvops.notebook.reading import imported_modules, local_sources

_CALLS = re.compile(
    r"read\w*|load\w*|open\w*|dump\w*|save\w*|write\w*|imread|imwrite|imsave|fromfile|tofile|genfromtxt|scan_\w+"
    r"|to_(?:csv|parquet|pickle|json|excel|feather|hdf|sql|stata|orc|xml|file|netcdf|zarr|disk|gbq)|from_(?:csv|parquet)"
    r"|i?glob|rglob|iterdir|listdir|scandir|walk|exists|is_file|is_dir|unlink|mkdir|makedirs|rename|rmtree|copyfile"
    r"|copytree|connect|create_engine|execute|sql|query|Path|PurePath|File|Dataset|HDFStore|Excel\w+|Zip\w+|extract\w*"
    r"|system|run|Popen|check_output|check_call|urlretrieve|getenv|import_module|__import__|runpy"
)
_HARMLESS = re.compile(r"%%?(?:matplotlib|load_ext|reload_ext|autoreload|aimport|config|time|timeit|pip|conda|pylab)\b")


def touches_files(
    code: Iterable[str], reads: Iterable[str], documents: Sequence[Document], book: int, root: Path
) -> bool:
    """May this code of the notebook `book` meet a file? `reads` are the names that it reads.

    Signs are a call that reads or writes, a text that looks like a path, a parameter that is a text, a shell command,
    and a module of the project, which may do anything.
    """
    own = documents[book]
    modules = {name.partition(".")[0] for name in imported_modules(cell.source for cell in own.code)}
    if local_sources(modules, own.folder, root):
        return True
    declared = [declared_parameters(document) for document in documents[: book + 1]]
    texts = {name for each in declared for name, value in each.defaults.items() if not isinstance(value, int | float)}
    if not texts.union(*(each.computed for each in declared)).isdisjoint(reads):
        return True
    return any(_sign(source) for source in code)


def _sign(source: str) -> bool:
    cell = parse_cell(source)
    if cell.language or any(not _HARMLESS.match(magic) for magic in cell.magics):
        return True
    return any(_is_sign(node) for node in ast.walk(cell.tree))


def _is_sign(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return bool(_CALLS.fullmatch(name))
        case ast.Constant(value=str(text)):
            return looks_like_path(text)
    return False
