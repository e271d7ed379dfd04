"""Code of which only comments and layout have changed since the run on record: it is the same code."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from mvops.atomic import content_at
from mvops.core.address import address
from mvops.core.canonical import digest
from mvops.core.run import Run
from mvops.errors import ArtifactError, NotebookError, Where
from mvops.kinds.kind import Look
from mvops.notebook.digests import file_sha256
from mvops.notebook.document import document_cells, step_named_after
from mvops.notebook.doings import does
from mvops.registry.runs import find_run
from mvops.witness import is_file


class Code(NamedTuple):
    """The digest of each step's code, and of each file of the project that the code is made of."""

    steps: dict[str, str]
    sources: dict[str, str]


def as_recorded(look: Look, name: str, steps: dict[str, str], sources: dict[str, str]) -> Code:
    """A pipeline's digests; those on record for notebooks and modules that do what they did in that run.

    The digests themselves are of the text, so that what is on record stays what it is.
    """
    record = look.records.get(address("pipeline", name))
    books = look.workspace.project.models[name].pipeline.books
    if record is None or [record.spec["notebook"], *record.spec.get("later", ())] != list(books):
        return Code(steps, sources)
    run, before = record.outputs.get("run", ""), record.spec.get("sources", {})
    known = record.spec["steps"]
    if known != steps and known.keys() == steps.keys() and _do_the_same(look, run, books, several=len(books) > 1):
        steps = known
    others = [path for path in sources if path in before and before[path] != sources[path] and path.endswith(".py")]
    same = {path: before[path] for path in others if _do_the_same(look, run, [path])}
    return Code(steps, {**sources, **same})


def _do_the_same(look: Look, run: str, paths: Sequence[str], *, several: bool = False) -> bool:
    """Do the files do what they did when `run` read them; no where that is not known any more."""
    there = {path: look.workspace.source(path) for path in paths}
    if not all(map(is_file, there.values())):
        return False
    key = digest(["does", run, several, {path: file_sha256(file) for path, file in there.items()}])
    known = look.memory.recall(key)
    if not isinstance(known, bool):
        try:
            found = find_run(look.workspace.registry, run)
            known = found is not None and all(_does_the_same(look, found, path, several=several) for path in paths)
        except ArtifactError:
            return False
        look.memory.keep(key, known)
    return known


def _does_the_same(look: Look, run: Run, path: str, *, several: bool) -> bool:
    """Raises ArtifactError where what the run read is not kept."""
    before, now = run.sources.get(path), content_at(look.workspace.source(path))
    if before is None or now is None:
        return False
    old = look.workspace.store.read_bytes(before)
    if path.endswith(".py"):
        return does(old.decode("utf-8", "replace"), code=True) == does(now.decode("utf-8", "replace"), code=True)
    try:
        was, becomes = (_cells(path, content, several=several) for content in (old, now))
    except (NotebookError, ValueError):
        return False
    return was == becomes


def _cells(path: str, content: bytes, *, several: bool) -> list[tuple[str, str | None, str]]:
    """Role, step and doing of each cell that runs."""
    book: Mapping[str, object] = json.loads(content)
    cells = document_cells(dict(book), Where(Path(path)), step_named_after(Path(path)) if several else "main")
    runs = (cell for cell in cells if cell.role not in {"skip", "markdown"})
    return [(cell.role, cell.step, does(cell.source, code=True)) for cell in runs]
