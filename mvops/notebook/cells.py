"""The Python of one notebook cell: IPython's own syntax is masked so that every other character keeps its place."""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass
from functools import lru_cache

from mvops.errors import NotebookError

PYTHON_CELL_MAGICS = frozenset({"time", "timeit", "capture", "prun", "memit", "mprun"})
_RUNS_PYTHON = re.compile(r"%(?:time|timeit|prun|memit|lprun)\b(?:[ \t]+-\w+(?:[ \t]*\d+)?)*(?=[ \t]+\S)")
_COMPOUND = re.compile(r"[ \t]*(?:for|while|if|with|try|def|class)\b")
_ASSIGNED = re.compile(r"([ \t]*[A-Za-z_]\w*(?:[ \t]*,[ \t]*[A-Za-z_]\w*)*[ \t]*=[ \t]*)(?:!|%(?=[A-Za-z]))")
_HELP = re.compile(r"[ \t]*(?:\?{1,2}[ \t]*[%\w.*]+|[%\w.*\[\]()'\"]+\?{1,2})[ \t]*;?[ \t]*")
_AUTOMAGIC = re.compile(
    r"[ \t]*(?:cd|ls|ll|cat|head|mkdir|rm|cp|mv|pip|conda|run|matplotlib|pylab|load_ext|autoreload|time|timeit|whos?)"
    r"[ \t]+(?!(?:in|is|and|or|if|not|for)\b)[-\w./~'\"]"
)
_TOKEN = re.compile(r"'''|\"\"\"|'|\"|#|\\.|\\$|[(\[{]|[)\]}]")
_PYTHON_2_LINE = re.compile(r"(?:print|exec)\s+[\w\"'%(]|except\s+\w+\s*,|raise\s+\w+\s*,")
_PYTHON_2 = re.compile(
    r"Missing parentheses in call to '(?:print|exec)'|multiple exception types must be parenthesized|"
    r"leading zeros in decimal integer literals|invalid hexadecimal literal"
)


@dataclass(frozen=True)
class Cell:
    """One parsed cell. `source` is what runs (a common indent is gone); positions in `tree` are positions in `source`.

    `magics` are the masked lines; `language` is the cell magic of a cell that is not Python (`bash`, `html`), else "".
    """

    source: str
    tree: ast.Module
    magics: tuple[str, ...]
    language: str = ""


def parse_cell(source: str) -> Cell:
    """Parse a cell's source; a syntax error is a NotebookError that knows the line."""
    return _parse(source)


@lru_cache(maxsize=2048)
def _parse(source: str) -> Cell:
    source = _without_indent(source)
    first = source.lstrip()
    if first.startswith("%%"):
        name = re.match(r"%%\s*([\w!]*)", first)
        language = name[1] if name else ""
        if language not in PYTHON_CELL_MAGICS:
            return Cell(source, ast.Module(body=[], type_ignores=[]), (first.partition("\n")[0],), language or "magic")
    tree = _tree(source)
    if tree is not None:
        return Cell(source, tree, ())
    masked, magics = _mask(source)
    try:
        return Cell(source, _compile(masked), tuple(magics))
    except SyntaxError as error:
        raise _explained(error, masked) from None


def is_python_2(source: str) -> bool:
    """Is this cell no Python 3, in a way that Python 2 is?"""
    try:
        parse_cell(source)
    except NotebookError as error:
        return "Python 2" in error.message
    return False


def _explained(error: SyntaxError, text: str) -> NotebookError:
    line = text.split("\n")[(error.lineno or 1) - 1].strip() if text else ""
    what = f"line {error.lineno}, `{line[:60]}`: {error.msg}" if error.lineno else str(error.msg)
    if _PYTHON_2.search(error.msg or "") or re.match(
        r"(print|exec)\s+[\w\"'%(]|except\s+\w+\s*,|raise\s+\w+\s*,", line
    ):
        return NotebookError(
            f"This is Python 2, not Python 3: {what}.",
            hint="Convert the notebook with `2to3`, run it once under Python 3, and promote that.",
        )
    return NotebookError(f"This is not valid Python: {what}.", hint="Correct or delete the cell.")


def _without_indent(source: str) -> str:
    lines = source.split("\n")
    first = next((line for line in lines if line.strip()), "")
    indent = first[: len(first) - len(first.lstrip())]
    return "\n".join(line.removeprefix(indent) for line in lines) if indent else source


def _tree(source: str) -> ast.Module | None:
    try:
        return _compile(source)
    except SyntaxError:
        return None


def _compile(text: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in a regex is the user's to see, not ours
            flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
            tree = compile(text, "<cell>", "exec", flags)
    except (ValueError, RecursionError, MemoryError) as error:
        raise NotebookError(f"This cell cannot be parsed: {error}.") from None
    assert isinstance(tree, ast.Module)
    return tree


def _mask(source: str) -> tuple[str, list[str]]:
    """Replace lines of IPython's by Python of the same indent, and list them."""
    masked: list[str] = []
    magics: list[str] = []
    depth, quote, joined, magic_goes_on = 0, "", False, False
    for line in source.split("\n"):
        at_start = not (depth or quote or joined)
        replaced = "" if magic_goes_on else (_replaced(line) if at_start else None)
        if replaced is None:
            masked.append(line)
            depth, quote, joined = _scan(line, depth, quote)
            continue
        if not magic_goes_on:
            magics.append(line.strip())
        magic_goes_on = line.rstrip().endswith("\\") and not _RUNS_PYTHON.match(line.strip())
        masked.append(replaced)
        if replaced.lstrip().startswith("0;"):
            depth, quote, joined = _scan(replaced, 0, "")
    return "\n".join(masked), magics


def _replaced(line: str) -> str | None:
    """What stands for a line of IPython's, or None for a line of Python."""
    text = line.lstrip()
    indent = line[: len(line) - len(text)]
    if text.startswith("%%"):
        captured = re.match(r"%%capture\s+([A-Za-z_]\w*)", text)
        return f"{captured[1]} = None" if captured else "0"
    python = _RUNS_PYTHON.match(text)
    if python and not _COMPOUND.match(text, python.end()):
        return f"{indent}0;{' ' * (python.end() - 2)}{text[python.end() :]}"
    if (
        text.startswith(("%", "!", "?"))
        or text.strip() == ";"
        or (_HELP.fullmatch(line) and text)
        or _AUTOMAGIC.match(line)
    ):
        return f"{indent}0"
    assigned = _ASSIGNED.match(line)
    return f"{assigned[1]}0" if assigned else None


def _scan(line: str, depth: int, quote: str) -> tuple[int, str, bool]:
    """Follow brackets and strings through one line; the last says that a backslash joins the next line."""
    joined = False
    for found in _TOKEN.finditer(line):
        piece = found[0]
        if piece == "\\":
            joined = True
        elif piece.startswith("\\"):
            continue
        elif quote:
            quote = "" if piece == quote else quote
        elif piece == "#":
            break
        elif piece[0] in "'\"":
            quote = piece
        else:
            depth = depth + 1 if piece in "([{" else max(0, depth - 1)
    if len(quote) == 1 and not joined:
        quote = ""
    return depth, quote, joined
