"""Notebooks that are kept as text, as Jupytext writes them: `.py` in cells that begin with `# %%`, and `.md`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mvops.errors import MissingExtraError, NotebookError, Where

SUFFIXES = frozenset({".py", ".md"})
_HEADER = re.compile(r"\A(?:#!.*\n|#.*coding.*\n)*# ---\s*\n(?:#.*\n)*?# jupyter:", re.MULTILINE)
_CELLS = {"percent", "hydrogen", "spyder"}  # formats that say where a cell begins


def text_notebook(path: Path, text: str) -> dict[str, Any]:
    """The notebook in `text` as JSON of nbformat 4; `metadata.mvops.line` of a code cell is where it begins in it.

    Raises NotebookError for a plain script, MissingExtraError where there is no Jupytext.
    """
    try:
        import jupytext  # noqa: PLC0415 -- notebooks in JSON need nothing of it
    except ImportError as error:
        raise MissingExtraError(f"A notebook that is kept as text ({path.name})", "jupytext") from error
    if path.suffix == ".py" and not _HEADER.match(text) and jupytext.guess_format(text, ".py")[0] not in _CELLS:
        raise NotebookError(
            f"{path.name!r} is a plain script: no line says where a cell begins.",
            hint="Begin each cell with a line `# %%`, as Jupytext, VS Code and Spyder do.",
            where=Where(path),
        )
    try:
        content: dict[str, Any] = jupytext.reads(text, fmt=path.suffix.removeprefix("."))
    except Exception as error:
        raise NotebookError(
            f"{path.name!r} cannot be read as a notebook: {str(error).partition(chr(10))[0]}.",
            hint=f"See what Jupytext says of it: jupytext --to ipynb {path.name}",
            where=Where(path),
        ) from error
    for cell in content["cells"]:
        cell.pop("id", None)  # Jupytext draws another one each time
    _note_lines(text.splitlines(), content["cells"])
    main = content["metadata"].get("jupytext", {}).get("main_language")
    if main and "kernelspec" not in content["metadata"]:
        content["metadata"]["language_info"] = {"name": main}
    return content


def _note_lines(lines: Sequence[str], cells: Sequence[dict[str, Any]]) -> None:
    """Find each code cell's first line; a cell that Jupytext wrote otherwise is left without."""
    begin = 0
    for cell in cells:
        cell["metadata"].pop("mvops", None)
        cell.pop("id", None)  # Jupytext draws another one each time
        source = cell["source"].split("\n")
        if cell["cell_type"] != "code" or not cell["source"].strip():
            continue
        found = next((at for at in range(begin, len(lines)) if _stands(lines[at:], source)), None)
        if found is not None:
            cell["metadata"]["mvops"] = {"line": found + 1}
            begin = found + len(source)


def _stands(lines: Sequence[str], source: Sequence[str]) -> bool:
    """Do the lines begin with this source; Jupytext makes comments of IPython's own syntax."""
    return len(lines) >= len(source) and all(map(_alike, lines, source))


def _alike(line: str, wanted: str) -> bool:
    return line.strip() in {wanted.strip(), f"# {wanted.strip()}", f"#{wanted.strip()}", f"# + {wanted.strip()}"}
