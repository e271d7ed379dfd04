"""The parameters of a run: which names a notebook declares, which values may be injected, and how they are written."""

from __future__ import annotations

import ast
import json
import keyword
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mvops.core.nearest import did_you_mean
from mvops.errors import NotebookError, Where
from mvops.notebook.cells import parse_cell
from mvops.notebook.document import Document, DocumentCell, document_cells
from mvops.notebook.parameter_types import unfit
from mvops.notebook.results import PipelineJob

_DEEPEST = 50  # Python's own parser gives up at about 100 nested brackets


@dataclass(frozen=True)
class Declared:
    """What the parameters cell says.

    `defaults` are literals, `computed` the names with any other default; `plain`: there is nothing but literals.
    `annotations` are the types that are written there, as they are written.
    """

    defaults: dict[str, Any]
    computed: frozenset[str]
    plain: bool
    annotations: dict[str, str] = field(default_factory=dict)

    @property
    def names(self) -> frozenset[str]:
        """Every name that a run may set."""
        return self.computed | self.defaults.keys()


def declared_parameters(document: Document) -> Declared:
    """Read the cell tagged `parameters`; nothing is declared without one."""
    return _declared(document.parameters_cell)


def _declared(cell: DocumentCell | None) -> Declared:
    return declared_by(cell.source if cell else "")


def declared_by(source: str) -> Declared:
    """What a cell of parameters with this text says."""
    defaults: dict[str, Any] = {}
    computed: set[str] = set()
    annotations: dict[str, str] = {}
    plain = True
    for node in parse_cell(source).tree.body:
        name, value = _assignment(node)
        if name is None or value is None:
            plain = plain and isinstance(node, ast.Expr | ast.Pass)
            continue
        if isinstance(node, ast.AnnAssign):
            annotations[name] = ast.unparse(node.annotation)
        try:
            defaults[name] = ast.literal_eval(value)
            computed.discard(name)
        except ValueError:
            computed.add(name)
            defaults.pop(name, None)
            plain = False
    return Declared(defaults, frozenset(computed), plain, annotations)


def declared_in(content: bytes, path: str) -> Declared:
    """What the cell of parameters says in a notebook with this content. Raises NotebookError."""
    cells = document_cells(json.loads(content), Where(Path(path)))
    return _declared(next((cell for cell in cells if cell.role == "parameters"), None))


def checked_parameters(documents: Sequence[Document], job: PipelineJob) -> tuple[Declared, ...]:
    """What each notebook declares.

    A name of the job that none declares, a value that is no plain JSON, or cannot be meant, and a name with different
    defaults in two notebooks that the job leaves open are a NotebookError.
    """
    found = tuple(declared_parameters(document) for document in documents)
    for name in (*job.parameters, *job.inputs):
        check_parameter(documents, found, job, name)
    _check_defaults(documents, found, {*job.parameters, *job.inputs}, job)
    return found


def check_parameter(documents: Sequence[Document], declared: Sequence[Declared], job: PipelineJob, name: str) -> None:
    """NotebookError where the notebooks cannot be given what the job has by this name."""
    _check_name(documents, name, frozenset().union(*(each.names for each in declared)))
    if name in job.parameters and name in job.inputs:
        raise NotebookError(f"{name!r} is both a parameter and an input.", hint=f"Set it under {job.yaml_key} only.")
    _check_value(name, job.parameters.get(name), 0)
    if name in job.parameters:
        _check_type(documents, declared, name, job.parameters[name])


def values_for(document: Document, names: Iterable[str], job: PipelineJob) -> dict[str, Any]:
    """Those of the job's values that have one of these names; an input is its path as seen from the notebook."""
    wanted = frozenset(names)
    values = {name: value for name, value in job.parameters.items() if name in wanted}
    for name, pattern in job.inputs.items():
        if name in wanted:
            values[name] = Path(os.path.relpath(job.root / pattern, document.folder)).as_posix()
    return values


def _check_defaults(
    documents: Sequence[Document], declared: Sequence[Declared], settled: set[str], job: PipelineJob
) -> None:
    first: dict[str, Document] = {}
    texts: dict[str, str] = {}
    for document, own in zip(documents, declared, strict=True):
        for name in sorted(own.names - settled):
            text = repr(own.defaults[name]) if name in own.defaults else "computed"
            other = first.setdefault(name, document)
            if texts.setdefault(name, text) == text and (text != "computed" or other is document):
                continue
            assert document.parameters_cell is not None
            assert other.parameters_cell is not None
            raise NotebookError(
                f"The parameter {name!r} is {text} in cell {document.parameters_cell.number}, and {texts[name]} in "
                f"cell {other.parameters_cell.number} of {other.path.name}: in one pipeline it is one parameter.",
                hint=f"Set it under {job.yaml_key.removesuffix('inputs')}parameters, which holds for both, or give one "
                "of them another name.",
                where=Where(document.path),
            )


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


def _check_name(documents: Sequence[Document], name: str, declared: frozenset[str]) -> None:
    if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("__"):
        raise NotebookError(f"{name!r} is no name that a notebook's parameter can have.")
    if name in declared:
        return
    whose, they = ("the notebook", "It declares") if len(documents) == 1 else ("the notebooks", "They declare")
    their = "Its" if len(documents) == 1 else "Their"
    known = f"{their} parameters are: {', '.join(sorted(declared))}." if declared else f"{they} no parameters."
    message = f"{name!r} is no parameter of {whose}{did_you_mean(name, declared) or '.'}"
    error = NotebookError(message, hint=known, where=Where(documents[0].path))
    raise error.named_by("parameters", name)


def _check_type(documents: Sequence[Document], declared: Sequence[Declared], name: str, value: Any) -> None:
    for document, own in zip(documents, declared, strict=True):
        said = unfit(name, value, own.defaults.get(name), own.annotations.get(name, ""))
        if name in own.names and said is not None:
            assert document.parameters_cell is not None
            cell, there = document.parameters_cell.number, own.defaults.get(name, "computed")
            raise NotebookError(
                f"The parameter {name!r} cannot be {_as_in_yaml(value)}: it is {there!r} in cell {cell}.",
                hint=f"Write {said}.",
                where=Where(document.path),
            ).named_by("parameters", name)


def _as_in_yaml(value: Any) -> str:
    return json.dumps(value) if value is None or isinstance(value, bool) else repr(value)


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
