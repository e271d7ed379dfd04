"""Files, folders and addresses that a notebook reads, where they are written down as literals."""

from __future__ import annotations

import ast
import fnmatch
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from mvops.notebook.code import Code, stored_counts
from mvops.notebook.estimators import last_part
from mvops.notebook.literals import keyword
from mvops.notebook.process_state import dotted
from mvops.notebook.walking import calls_of, in_texts, targets_of

PathKind = Literal["relative", "absolute", "url"]

_EXTENSIONS = (
    r"csv|tsv|txt|data|dat|json|jsonl|parquet|pq|feather|arrow|orc|xlsx?|ods|h5|hdf5?|pkl|pickle|joblib|npy|npz|mat|arff"
    r"|sas7bdat|dta|sav|xml|html?|db|sqlite3?|duckdb|zip|gz|bz2|xz|zst|tar|tgz|yaml|yml|onnx|skops|bin|model|libsvm|svm|names"
)
_HAS_EXTENSION = re.compile(rf".*\.(?:{_EXTENSIONS})", re.IGNORECASE)
_URL = re.compile(r"[a-zA-Z][\w+.-]{1,}://")
_ABSOLUTE = re.compile(r"[/~]|[A-Za-z]:[\\/]|\\\\")
_READERS = re.compile(
    r"read_(?!sql|clipboard|gbq)\w+|scan_\w+|loadtxt|genfromtxt|fromfile|loadmat|loadarff|load_svmlight_file|from_csv|imread"
    r"|import_csv|from_parquet|open_dataset|readtable|load_workbook|ExcelFile|HDFStore|listdir|scandir|walk"
)
_IF_PATH = re.compile(
    r"load|load_model|load_dataset|open|File|Path|PurePath|glob|iglob|rglob|Dataset|connect|load_from_disk"
)
_WORDS = (
    "filepath_or_buffer",
    "path",
    "io",
    "filename",
    "filepath",
    "file",
    "fname",
    "path_or_buf",
    "source",
    "pathname",
)
_PATH_NAME = re.compile(
    r"(?:\w+_)?(?:path|file|dir|folder|url|filename|filepath|file_?name|directory)(?:_\w+)?", re.IGNORECASE
)
_NO_FILE = {"Image", "Audio", "Video", "IFrame", "HTML"}


@dataclass(frozen=True)
class ReadPath:
    """A literal path. `node` is what to replace; `owner` is the variable that holds what was read."""

    code: Code
    node: ast.expr
    value: str
    owner: str | None


def read_paths(code: Code) -> Iterator[ReadPath]:
    """The literal paths that a cell reads from, outside functions, in order."""
    unplaced = in_texts(code.cell.tree)
    for statement in code.statements():
        names = [t.id for t, _ in targets_of(statement) if isinstance(t, ast.Name)]
        is_loop = isinstance(statement, ast.For | ast.AsyncFor | ast.With | ast.AsyncWith)
        for call in calls_of(statement):
            node = _path_node(call)
            value = text_of(node) if node is not None else None
            if node is not None and value and id(node) not in unplaced:
                owner = names[0] if len(names) == 1 and not is_loop else None
                yield ReadPath(code, node, value, owner)


def read_by_name(cells: Sequence[Code]) -> Iterator[tuple[Code, ast.Name, str]]:
    """Where a cell reads from a path that has a name, of which nothing else is made: the name there, and the path.

    The name is bound once, to a literal that stands nowhere else.
    """
    walked = [node for code in cells for node in ast.walk(code.cell.tree)]
    texts = Counter(node.value for node in walked if isinstance(node, ast.Constant) and isinstance(node.value, str))
    loaded = Counter(node.id for node in walked if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load))
    once = {name for name, count in stored_counts(cells).items() if count == 1}
    known: dict[str, str] = {}
    for code in cells:
        for statement in code.statements():
            for call in calls_of(statement):
                first = call.args[0] if call.args else None
                if not isinstance(first, ast.Name) or first.id not in known or loaded[first.id] > 1:
                    continue
                text = known[first.id]
                if _path_node(ast.Call(call.func, [ast.Constant(text), *call.args[1:]], call.keywords)) is not None:
                    yield code, first, text
            for target, value in targets_of(statement):
                if isinstance(target, ast.Name) and target.id in once and texts[text_of(value) or ""] == 1:
                    known[target.id] = text_of(value) or ""


def _path_node(call: ast.Call) -> ast.expr | None:
    name = last_part(call.func) or (call.func.attr if isinstance(call.func, ast.Attribute) else "")
    node = call.args[0] if call.args else next((v for w in _WORDS if (v := keyword(call, w)) is not None), None)
    value = text_of(node) if node is not None else None
    if value is None or name in _NO_FILE or dotted(call.func).startswith(("plt.", "Image.")):
        return None
    if _READERS.fullmatch(name):
        return node if not re.fullmatch(r"[\s.]*", value) and "\n" not in value else None
    if _IF_PATH.fullmatch(name) and looks_like_path(value) and not _writes(call):
        return node
    return None


def _writes(call: ast.Call) -> bool:
    mode = keyword(call, "mode") or (call.args[1] if len(call.args) > 1 else None)
    text = mode.value if isinstance(mode, ast.Constant) else "r"
    return isinstance(text, str) and any(letter in text for letter in "wax+")


def text_of(node: ast.AST) -> str | None:
    """The text that a literal, or a join of literals by os.path.join, stands for."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Call(func=ast.Attribute(attr="join", value=owner), args=parts, keywords=[]) if parts:
            texts = [text_of(part) for part in parts]
            if dotted(owner) in {"os.path", "path"} and all(texts):
                return "/".join(text.rstrip("/") for text in texts if text)
    return None


def looks_like_path(text: str) -> bool:
    """Does this text name a file, folder or address?"""
    if "\n" in text or len(text) > 1000 or not text.strip() or re.fullmatch(r"[./\\]*", text):
        return False
    return bool(
        _URL.match(text) or _HAS_EXTENSION.fullmatch(text) or ("/" in text and " " not in text.partition("/")[0])
    )


def names_a_path(name: str) -> bool:
    """Does a variable's name say that it holds a path?"""
    return bool(_PATH_NAME.fullmatch(name))


def path_kind(text: str) -> PathKind:
    """Where a path starts from."""
    if _URL.match(text):
        return "url"
    return "absolute" if _ABSOLUTE.match(text) else "relative"


def stem(text: str) -> str:
    """A word for a path: `flights` of `../data/flights_*.parquet`, `train` of `train.csv.gz`."""
    last = re.split(r"[/\\]", re.sub(r"[?#].*$", "", text).rstrip("/\\*?"))[-1]
    word = re.sub(rf"(?:\.(?:{_EXTENSIONS}))+$", "", last, flags=re.IGNORECASE)
    word = re.sub(r"[^A-Za-z0-9]+", "_", re.sub(r"[*?\[\]].*", "", word) or word).strip("_").lower()
    return word[:40].rstrip("_") if word[:1].isalpha() else (f"data_{word}"[:40].rstrip("_") if word else "data")


def covers(path: str, file: str) -> bool:
    """Does a path, a pattern or a folder name this file, which may itself be a pattern?"""
    return fnmatch.fnmatchcase(file, path) or fnmatch.fnmatchcase(path, file) or file.startswith(f"{path}/")
