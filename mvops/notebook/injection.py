"""The parameters of a run: which names a notebook declares, which values may be injected, and how they are written."""

from __future__ import annotations

import ast
import json
import keyword
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mvops.core.nearest import did_you_mean
from mvops.errors import NotebookError, Where
from mvops.notebook.cells import parse_cell
from mvops.notebook.document import Document, DocumentCell, document_cells
from mvops.notebook.results import PipelineJob

_DEEPEST = 50  # Python's own parser gives up at about 100 nested brackets


@dataclass(frozen=True)
class Declared:
    """What the parameters cell says.

    `defaults` are literals, `computed` the names with any other default; `plain`: there is nothing but literals.
    """

    defaults: dict[str, Any]
    computed: frozenset[str]
    plain: bool

    @property
    def names(self) -> frozenset[str]:
        """Every name that a run may set."""
        return self.computed | self.defaults.keys()


def declared_parameters(document: Document) -> Declared:
    """Read the cell tagged `parameters`; nothing is declared without one."""
    return _declared(document.parameters_cell)


def _declared(cell: DocumentCell | None) -> Declared:
    defaults: dict[str, Any] = {}
    computed: set[str] = set()
    plain = True
    for node in parse_cell(cell.source).tree.body if cell else []:
        name, value = _assignment(node)
        if name is None or value is None:
            plain = plain and isinstance(node, ast.Expr | ast.Pass)
            continue
        try:
            defaults[name] = ast.literal_eval(value)
            computed.discard(name)
        except ValueError:
            computed.add(name)
            defaults.pop(name, None)
            plain = False
    return Declared(defaults, frozenset(computed), plain)


def declared_in(content: bytes, path: str) -> Declared:
    """What the cell of parameters says in a notebook with this content. Raises NotebookError."""
    cells = document_cells(json.loads(content), Where(Path(path)))
    return _declared(next((cell for cell in cells if cell.role == "parameters"), None))


def injected_values(document: Document, job: PipelineJob) -> dict[str, Any]:
    """The values to inject: the job's parameters, and for each input its path as seen from the notebook's folder.

    A name that is not declared, or a value that is no plain JSON, is a NotebookError.
    """
    declared = declared_parameters(document).names
    values: dict[str, Any] = {}
    for name, value in job.parameters.items():
        _check_name(document, name, declared)
        if name in job.inputs:
            raise NotebookError(
                f"{name!r} is both a parameter and an input.", hint=f"Set it under {job.yaml_key} only."
            )
        _check_value(name, value, 0)
        values[name] = value
    for name, pattern in job.inputs.items():
        _check_name(document, name, declared)
        values[name] = Path(os.path.relpath(job.root / pattern, document.folder)).as_posix()
    return values


def injected_source(values: Mapping[str, Any]) -> str:
    """The cell that sets the values; each line is an assignment of a literal that Python reads back exactly."""
    lines = [f"{name} = {value!a}" for name, value in values.items()]
    return "\n".join(["# set by mvops", *lines])


def _assignment(node: ast.stmt) -> tuple[str | None, ast.expr | None]:
    match node:
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            return name, value
        case ast.AnnAssign(target=ast.Name(id=name), value=value):
            return name, value
    return None, None


def _check_name(document: Document, name: str, declared: frozenset[str]) -> None:
    if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("__"):
        raise NotebookError(f"{name!r} is no name that a notebook's parameter can have.")
    if name in declared:
        return
    known = f"Its parameters are: {', '.join(sorted(declared))}." if declared else "It declares no parameters."
    message = f"{name!r} is no parameter of the notebook{did_you_mean(name, declared) or '.'}"
    error = NotebookError(message, hint=known, where=Where(document.path))
    raise error.named_by("parameters", name)


def _check_value(name: str, value: Any, depth: int) -> None:
    if depth > _DEEPEST:
        raise NotebookError(f"The value of parameter {name!r} is nested more than {_DEEPEST} deep.")
    if type(value) is list:
        for each in value:
            _check_value(name, each, depth + 1)
        return
    if type(value) is dict and all(type(key) is str for key in value):
        for each in value.values():
            _check_value(name, each, depth + 1)
        return
    if type(value) is float and not math.isfinite(value):
        raise NotebookError(f"The value of parameter {name!r} is {value}: only finite numbers can be set.")
    if type(value) is int and abs(value).bit_length() > 10_000:
        raise NotebookError(f"The value of parameter {name!r} is too large a number.")
    if type(value) not in {str, int, float, bool, type(None)}:
        kind = type(value).__name__
        raise NotebookError(
            f"The value of parameter {name!r} is a {kind}: use text, numbers, true, false, null, lists and mappings."
        )
