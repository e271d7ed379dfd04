"""Reading a notebook file: whatever its age and kind, as nbformat 4.5 with stable cell ids; or a clear refusal."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from mvops.errors import NotebookError, Where
from mvops.notebook.text_notebooks import SUFFIXES, text_notebook

_PYTHON = {"python", "python3", "ipython", "ipython3", "ipykernel", "python2", "ipython2"}
_TABLES = {"kernelspec", "language_info", "mvops"}
_CELL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def read_notebook(path: Path) -> NotebookNode:
    """Read a notebook. Missing, not JSON, too old, not Python or empty: a NotebookError that says what to do.

    Ids are kept where they are valid and unique; others are made from place and source, so that the same file always
    gives the same ids. Small offences against the format, which old tools left behind, are put right. A notebook that
    is kept as text (`.py`, `.md`) is read by Jupytext; its cells know their line, see `text_notebook`.
    """
    content = _content(path)
    _check_version(content, path)
    _check_language(content.get("metadata"), path)
    cells = content.get("cells")
    if not isinstance(cells, list):
        raise _refused(path, "has no list of cells, so it is not a notebook", "Open it in Jupyter and save it again.")
    seen: set[str] = set()
    nodes = [_cell(cell, at, seen, path) for at, cell in enumerate(cells)]
    metadata = content.get("metadata")
    table = metadata if isinstance(metadata, dict) else {}
    metadata = {k: v for k, v in table.items() if k not in _TABLES or isinstance(v, dict)}
    content = {"cells": nodes, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    notebook: NotebookNode = nbformat.from_dict(content)  # type: ignore[no-untyped-call]
    if not any(cell.cell_type == "code" and cell.source.strip() for cell in notebook.cells):
        raise _refused(path, "holds no code", "Save the notebook in Jupyter first, or name another one.")
    return notebook


def _refused(path: Path, what: str, hint: str) -> NotebookError:
    return NotebookError(f"{path.name!r} {what}.", hint=hint, where=Where(path))


def _content(path: Path) -> dict[str, Any]:
    if path.suffix not in {".ipynb", *SUFFIXES}:
        what = "is not a notebook: its name does not end in .ipynb, .py or .md"
        raise _refused(path, what, "Name a Jupyter notebook.")
    text = _text(path)
    if path.suffix in SUFFIXES:
        return text_notebook(path, text)
    try:
        content = json.loads(text)
    except RecursionError:
        raise _refused(path, "is nested too deeply to be a notebook", "Name a Jupyter notebook.") from None
    except ValueError as error:
        what = "is empty" if not text.strip() else f"is not valid JSON ({error})"
        raise _refused(path, what, "A merge conflict or an unfinished download often does this.") from None
    if not isinstance(content, dict):
        raise _refused(path, "is JSON, but not a notebook", "Name a Jupyter notebook.")
    return content


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise _refused(path, "does not exist", "Check the path; it is taken from the current folder.") from None
    except IsADirectoryError:
        raise _refused(path, "is a folder", "Name the notebook file itself.") from None
    except OSError as error:
        raise _refused(path, f"cannot be read: {error.strerror}", "Check the file's permissions.") from None
    except UnicodeDecodeError:
        raise _refused(path, "is not text in UTF-8", "Open it in Jupyter and save it again.") from None


def _check_version(content: dict[str, Any], path: Path) -> None:
    version = content.get("nbformat")
    if "worksheets" in content or (isinstance(version, int) and version < 4):
        raise _refused(
            path,
            f"is in the old notebook format {version or 3}",
            f"Upgrade it with: jupyter nbconvert --to notebook --nbformat 4 --inplace {path.name!r}",
        )
    if not isinstance(version, int) or version != 4:
        raise _refused(path, f"has the notebook format {version!r}, not 4", "Open it in Jupyter and save it again.")


def _check_language(metadata: Any, path: Path) -> None:
    found = language(metadata if isinstance(metadata, dict) else {})
    if found and found.lower() not in _PYTHON:
        name = {"r": "R", "julia": "Julia", "ir": "R"}.get(found.lower(), found)
        raise _refused(path, f"is a notebook in {name}", "mvops promotes notebooks in Python 3.")


def language(metadata: dict[str, Any]) -> str:
    """The language that a notebook says it is in, or ""."""
    spec, info = metadata.get("kernelspec"), metadata.get("language_info")
    spec, info = spec if isinstance(spec, dict) else {}, info if isinstance(info, dict) else {}
    named = spec.get("language") or info.get("name") or ("R" if spec.get("name") == "ir" else "")
    return str(named)


def says_python_2(notebook: NotebookNode) -> bool:
    """Does the notebook's metadata name a Python 2 kernel?"""
    spec = notebook.metadata.get("kernelspec") or {}
    info = notebook.metadata.get("language_info") or {}
    return spec.get("name") == "python2" or str(info.get("version", "")).startswith("2.")


def _cell(cell: Any, at: int, seen: set[str], path: Path) -> dict[str, Any]:
    kind = cell.get("cell_type") if isinstance(cell, dict) else None
    if kind not in {"code", "markdown", "raw"}:
        hint = "Open it in Jupyter, delete or repair the cell, and save."
        raise _refused(path, f"has a cell (number {at + 1}) of the unknown kind {kind!r}", hint)
    source = cell.get("source", "")
    source = "".join(map(str, source)) if isinstance(source, list) else str(source)
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    metadata = cell.get("metadata") if isinstance(cell.get("metadata"), dict) else {}
    node = {"id": _cell_id(cell.get("id"), at, source, seen), "cell_type": kind, "metadata": metadata, "source": source}
    if kind == "code":
        outputs = cell.get("outputs")
        node["outputs"] = [o for o in outputs if isinstance(o, dict)] if isinstance(outputs, list) else []
        count = cell.get("execution_count")
        node["execution_count"] = count if isinstance(count, int) else None
    elif isinstance(cell.get("attachments"), dict):
        node["attachments"] = cell["attachments"]
    return node


def _cell_id(given: Any, at: int, source: str, seen: set[str]) -> str:
    if isinstance(given, str) and _CELL_ID.fullmatch(given) and given not in seen:
        seen.add(given)
        return given
    made = id_without_one(at, source)
    seen.add(made)
    return made


def id_without_one(at: int, source: str) -> str:
    """The id of a cell that the file gives none."""
    return hashlib.sha256(f"{at}\n{source}".encode()).hexdigest()[:12]
