"""What a notebook needs of the machine that it runs on: files in their place, the network, packages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from mvops.notebook.code import Code, modules_of
from mvops.notebook.finding import Finding, found_at, line_with
from mvops.notebook.literals import keyword
from mvops.notebook.parameters import Place
from mvops.notebook.paths import looks_like_path, names_a_path, path_kind, read_by_name, read_paths, text_of
from mvops.notebook.process_state import dotted
from mvops.notebook.reading import names_written
from mvops.notebook.walking import calls, targets_of

_INSTALLS = re.compile(
    r"(?:[!%]\s*)?(?:\{?sys\.executable\}? -m )?(?:pip3?|conda|mamba|apt(?:-get)?)\s+(?:-\S+\s+)*install\b"
)
LEFT_OUT = "List them in the project's requirements.txt; promote leaves the line out."
_TAKE_IT_OUT = (
    "List them in the project's requirements.txt, and take the line out: it runs whenever the rest of its cell does."
)
_FETCHES = re.compile(r"[!%]\s*(?:wget|curl|git\s+clone|gdown|kaggle|aws\s+s3|gsutil|scp)\b")
_CALLS = re.compile(  # calls that go out whenever they run
    r"requests\.\w+|(?:urllib\.)?(?:request\.)?(?:urlopen|urlretrieve)|(?:\w+\.)?urlretrieve|wget\.download|gdown\.\w+"
    r"|yf\.\w+|yfinance\.\w+|pdr\.\w+|web\.DataReader|kagglehub\.\w+|drive\.mount|files\.upload|opendatasets\.\w+|od\.download"
)
_CACHED = re.compile(  # calls that go out once and keep what they got
    r"(?:\w+\.)*fetch_\w+|sns\.load_dataset|seaborn\.load_dataset|nltk\.download|tfds\.load|(?:\w+\.)*datasets\.\w+\.load_data"
    r"|(?:AutoTokenizer|AutoModel\w*|SentenceTransformer)(?:\.from_pretrained)?|(?:\w+\.)*get_rdataset"
)
_ADDRESS = re.compile(r"(?:https?|ftp|s3)://[^\s\\()\[\]|*]+")
_PLACES = re.compile(
    r"(?:/(?:home|Users|content|kaggle|mnt|data|root|opt|var|srv|media|drive|Volumes|databricks|dbfs|workspace|etc)/"
    r"|[A-Za-z]:[\\/]|~[\\/]|\\\\\w).*",
    re.DOTALL,
)
_HERE = (
    "Put it into the project, such as data/, and read it by a relative path; until then, mvops makes it a parameter."
)


def surroundings(cells: Sequence[Code], place: Place) -> Iterator[Finding]:
    """Absolute paths, files that are not there, the network, and packages that are installed on the way."""
    modules = modules_of(cells)
    made = names_written(code.source for code in cells)
    fetched = "\n".join(magic for code in cells for magic in code.cell.magics)
    by_name = list(read_by_name(cells))
    for code in cells:
        yield from _paths(code, place, made, fetched)
        for _, node, text in (each for each in by_name if each[0] is code):
            if path_kind(text) == "relative" and not place.moves and not _comes(text, place, frozenset(), fetched):
                yield from _missing(code, node, text, place)
        yield from _network(code, modules)
        for magic in code.cell.magics:
            if _INSTALLS.match(magic):
                yield found_at(
                    code,
                    line_with(code, magic),
                    "installs",
                    "note",
                    f"Cell {code.number} installs packages: a pipeline should not.",
                    LEFT_OUT if _only_installs(code) else _TAKE_IT_OUT,
                )


def _only_installs(code: Code) -> bool:
    """Whether the cell does nothing else: promote leaves such a cell out."""
    lines = code.cell.source.split("\n")
    return all(_INSTALLS.match(lines[statement.lineno - 1].strip()) for statement in code.cell.tree.body)


def _paths(code: Code, place: Place, made: frozenset[str], fetched: str) -> Iterator[Finding]:
    """`made` are files that the notebook may write itself, `fetched` its lines of shell, which may bring some."""
    below = {id(call.args[0]) for call in calls(code.cell.tree) if call.args and _is_glob_of_folder(call)}
    read = {id(path.node): path.value for path in read_paths(code)}
    constants = {
        id(value): text
        for statement in code.statements()
        for target, value in targets_of(statement)
        if isinstance(target, ast.Name)
        and names_a_path(target.id)
        and (text := text_of(value))
        and looks_like_path(text)
    }
    for node in ast.walk(code.cell.tree):
        text = read.get(id(node)) or constants.get(id(node)) or text_of(node) or ""
        known = id(node) in read or id(node) in constants
        if (
            path_kind(text) == "absolute"
            and text
            and (
                (known and len(text) > 1)
                or (_PLACES.fullmatch(text) and isinstance(node, ast.Constant) and "\n" not in text)
            )
        ):
            message = f"Cell {code.number} names {text!r}, an absolute path, which other machines do not have."
            yield found_at(code, node, "absolute_path", "warning", message, _HERE)
        elif (
            id(node) in read and path_kind(text) == "relative" and not place.moves and id(node) not in below
        ) and not _comes(text, place, made, fetched):
            yield from _missing(code, node, text, place)
    for magic in code.cell.magics:
        moved = re.match(r"%?cd\s+([\"']?)(.+?)\1$", magic)
        if moved and path_kind(moved[2]) == "absolute":
            message = f"Cell {code.number} goes to {moved[2]!r}, an absolute path, which other machines do not have."
            remedy = "Leave the line out, and name files relative to the notebook's folder."
            yield found_at(code, line_with(code, magic), "absolute_path", "warning", message, remedy)


def _comes(text: str, place: Place, made: frozenset[str], fetched: str) -> bool:
    """May the file come to be on the way."""
    return text in made or text.rpartition("/")[2] in fetched or bool(place.makes(text))


def _is_glob_of_folder(call: ast.Call) -> bool:
    """`folder.glob("*.csv")`: where that is, the text does not say."""
    function = call.func
    return (
        isinstance(function, ast.Attribute) and function.attr in {"glob", "rglob"} and dotted(function.value) != "glob"
    )


def _missing(code: Code, node: ast.AST, text: str, place: Place) -> Iterator[Finding]:
    below = place.in_project(text)
    there = _is_there(place.folder / text) if below is None else place.is_there(below)
    if not there:
        where = f"put it at {below}" if below else f"put it at {text}, from the notebook's folder"
        if otherwise := place.from_root(text):
            where = f"from the notebook's folder, where it runs, it is {otherwise!r}: write that"
        message = f"Cell {code.number} reads {text!r}, which is not there now."
        yield found_at(
            code, node, "missing_file", "warning", message, f"{where[:1].upper()}{where[1:]}, or change the path."
        )


def _is_there(path: Path) -> bool:
    try:
        return path.exists() or any(path.parent.glob(path.name))
    except (OSError, ValueError, NotImplementedError):
        return False


def _network(code: Code, modules: dict[str, str]) -> Iterator[Finding]:
    remedy = "Download it once into data/ and read it from there: then it is hashed, and a run can be made again."
    told: set[int] = set()
    for node in ast.walk(code.cell.tree):
        if not isinstance(node, ast.Call):
            continue
        name = dotted(node.func)
        first = text_of(node.args[0]) if node.args else None
        url = first if first and path_kind(first) == "url" else None
        goes_out = bool(_CALLS.fullmatch(name)) and (name.partition(".")[0] in modules)
        reads_url = url is not None and not re.fullmatch(
            r"(?:\w+\.)*(?:create_engine|IFrame|Image|HTML|print|Markdown)", name
        )
        if (
            goes_out or (reads_url and url and url.startswith(("http", "ftp", "s3:", "gs:")))
        ) and node.lineno not in told:
            told.add(node.lineno)
            message = f"Cell {code.number} reads from the network (`{name or 'a call'}`) at every run."
            yield found_at(code, node, "network", "warning", message, remedy)
        elif _CACHED.fullmatch(name) and name.partition(".")[0] in modules and _downloads(node):
            message = f"Cell {code.number} downloads with `{name}` where the data is not kept on the machine yet."
            yield found_at(
                code,
                node,
                "network",
                "note",
                message,
                "Run it once where there is a network, or " + remedy[0].lower() + remedy[1:],
            )
    for name, path in _address_constants(code):
        if path.lineno not in told:
            told.add(path.lineno)
            message = f"Cell {code.number} names an address on the network (`{name}`)."
            yield found_at(code, path, "network", "note", message, remedy)
    for magic in code.cell.magics:
        if _FETCHES.match(magic):
            message = f"Cell {code.number} fetches files from the network at every run."
            yield found_at(code, line_with(code, magic), "network", "warning", message, remedy)


def _downloads(call: ast.Call) -> bool:
    offline = keyword(call, "download_if_missing")
    return not (isinstance(offline, ast.Constant) and offline.value is False)


def _address_constants(code: Code) -> Iterator[tuple[str, ast.expr]]:
    for statement in code.statements():
        for target, value in targets_of(statement):
            text = text_of(value)
            if isinstance(target, ast.Name) and text and _ADDRESS.fullmatch(text):
                yield target.id, value
