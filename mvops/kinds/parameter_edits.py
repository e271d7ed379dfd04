"""A parameter that was edited in the notebook, where the YAML's value holds: told, as nothing comes of the edit."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mvops.atomic import content_at
from mvops.core.canonical import digest
from mvops.errors import ArtifactError, NotebookError
from mvops.kinds.kind import Look
from mvops.notebook.digests import file_sha256
from mvops.notebook.document import read_document
from mvops.notebook.injection import declared_by, declared_in, declared_parameters
from mvops.registry.runs import find_run
from mvops.witness import is_file


def edited_in_vain(look: Look, name: str, run: str) -> Iterator[str]:
    """Sentences about parameters whose value in the notebook was changed since `run` read it, and is not the YAML's.

    `run` is empty where none is on record: then what was changed since promote wrote the notebook is told.
    """
    pipeline = look.workspace.project.models[name].pipeline
    written = {key: pipeline.parameters[key] for key in sorted(pipeline.parameters)}
    for book in pipeline.books if written else ():
        yield from _of_notebook(look, name, run, book, written)


def _of_notebook(look: Look, name: str, run: str, book: str, written: Mapping[str, Any]) -> Iterator[str]:
    path = look.workspace.source(book)
    if not is_file(path):
        return
    key = digest(["edited parameters", run, file_sha256(path), written])
    known = look.memory.recall(key)
    if not isinstance(known, dict):
        known = _in_vain(look, book, run, written)
        look.memory.keep(key, known)
    for parameter, value in known.items():
        yield (
            f"{parameter} = {value} in the cell of parameters of {book} changes nothing: "
            f"models.{name}.pipeline.parameters.{parameter} is {written[parameter]!r}, and holds; write it there, "
            f"in configs/models/{name}.yaml"
        )


def _in_vain(look: Look, notebook: str, run: str, written: Mapping[str, Any]) -> dict[str, str]:
    """Parameter -> its value in the notebook, as Python writes it."""
    workspace = look.workspace
    try:
        now = declared_parameters(read_document(workspace.source(notebook), workspace.root)).defaults
        other = {key: value for key, value in now.items() if key in written and value != written[key]}
        if not other:
            return {}
        before = _when_read(look, notebook, run) if run else _when_promoted(workspace.source(notebook))
    except (NotebookError, ArtifactError):  # told by whoever needs it
        return {}
    return {key: repr(value) for key, value in other.items() if key in before and before[key] != value}


def _when_read(look: Look, notebook: str, run: str) -> Mapping[str, Any]:
    """What the cell said when `run` read it. Raises ArtifactError where that is not kept any more."""
    found = find_run(look.workspace.registry, run)
    artifact = found.sources.get(notebook) if found else None
    if artifact is None:
        return {}
    return declared_in(look.workspace.store.read_bytes(artifact), notebook).defaults


def _when_promoted(notebook: Path) -> Mapping[str, Any]:
    """What promote wrote into the cell; nothing of a notebook that was not promoted. Raises NotebookError."""
    from mvops.notebook.made_of import base_in  # noqa: PLC0415 -- nbformat, which a quiet plan does without

    content = content_at(notebook)
    base = base_in(json.loads(content)["metadata"]) if content else None
    return declared_by(base.parameters).defaults if base else {}
