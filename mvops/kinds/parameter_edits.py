"""A parameter that was edited in the notebook, where the YAML's value holds: told, as nothing comes of the edit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mvops.core.canonical import digest
from mvops.errors import ArtifactError, NotebookError
from mvops.kinds.kind import Look
from mvops.notebook.digests import file_sha256
from mvops.notebook.document import read_document
from mvops.notebook.injection import declared_in, declared_parameters
from mvops.registry.runs import find_run
from mvops.witness import is_file


def edited_in_vain(look: Look, name: str, run: str) -> Iterator[str]:
    """Sentences about parameters whose value in the notebook was changed since `run` read it, and is not the YAML's.

    `run` is empty before the first one: then whatever differs from the YAML is told.
    """
    pipeline = look.workspace.project.models[name].pipeline
    written = {key: pipeline.parameters[key] for key in sorted(pipeline.parameters)}
    for book in pipeline.books if written else ():
        yield from _of_notebook(look, name, run, book, written)


def _of_notebook(look: Look, name: str, run: str, book: str, written: Mapping[str, Any]) -> Iterator[str]:
    path = look.workspace.source(book)
    if not is_file(path):
        return
    key = digest(["parameters", run, file_sha256(path), written])
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
        before = _when_read(look, notebook, run) if other and run else {}
    except (NotebookError, ArtifactError):  # told by whoever needs it
        return {}
    return {key: repr(value) for key, value in other.items() if not run or (key in before and before[key] != value)}


def _when_read(look: Look, notebook: str, run: str) -> Mapping[str, Any]:
    """What the cell said when `run` read it. Raises ArtifactError where that is not kept any more."""
    found = find_run(look.workspace.registry, run)
    artifact = found.sources.get(notebook) if found else None
    if artifact is None:
        return {}
    return declared_in(look.workspace.store.read_bytes(artifact), notebook).defaults
