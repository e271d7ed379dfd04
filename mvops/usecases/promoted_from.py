"""Which model was promoted from a notebook, and from which notebooks a model was."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from nbformat import NotebookNode

from mvops.core.naming import suggest_name
from mvops.errors import UsageError
from mvops.workspace import Workspace


def made_from(workspace: Workspace, paths: Sequence[Path], notebooks: Sequence[Path], name: str | None) -> str:
    """The model that was promoted from all of these notebooks, which somebody typed as `notebooks`.

    Raises UsageError where there is none, or more than one and no `name`.
    """
    typed = ", ".join(map(str, notebooks))
    if name is not None:
        if name not in workspace.project.models:
            raise UsageError(f"there is no model {name}", hint=_promote(notebooks))
        return name
    wanted = {Path(os.path.relpath(path, workspace.root)).as_posix() for path in paths}
    made = sorted(each for each in workspace.project.models if wanted <= set(_sources(workspace, each)))
    if len(made) > 1:
        raise UsageError(f"{typed} was promoted as {', '.join(made)}", hint=f"Say which: --name {made[0]}")
    if made:
        return made[0]
    guess = suggest_name(paths[0].stem)
    if guess in workspace.project.models:
        raise UsageError(
            f"the model {guess} was not promoted from {typed}",
            hint=f"If it was, and the notebook was moved since: --name {guess}",
        )
    raise UsageError(f"{typed} was not promoted yet", hint=_promote(notebooks))


def originals_of(
    workspace: Workspace,
    model: str,
    promoted: Sequence[NotebookNode],
    paths: Sequence[Path],
    notebooks: Sequence[Path],
) -> list[Path]:
    """The originals of a model's notebooks, in their order: those that were typed, and the others as they were found.

    Raises UsageError where one is not known, or one that was typed is none of them.
    """
    if len(promoted) == len(paths) == 1:
        return list(paths)
    known = [workspace.root / source if (source := _source(each.metadata)) else None for each in promoted]
    originals = [path.resolve() if path is not None and path.is_file() else None for path in known]
    if len(paths) == len(promoted) and set(paths) != set(originals):
        return list(paths)  # moved since, and typed in their order
    strange = next((typed for typed, path in zip(notebooks, paths, strict=True) if path not in originals), None)
    if strange is not None:
        raise UsageError(
            f"{strange} is none of the notebooks that the model {model} was promoted from",
            hint=f"To add it, make the model anew: {_promote(notebooks)} --name {model} --force",
        )
    found = [path for path in originals if path is not None]
    if len(found) < len(promoted):
        books = workspace.project.models[model].pipeline.books
        unknown = ", ".join(book for book, path in zip(books, originals, strict=True) if path is None)
        raise UsageError(
            f"the original of {unknown} is not there, or it was not promoted from one",
            hint=f"Name all {len(promoted)} notebooks of {model} in their order, or bring it back.",
        )
    return found


def _sources(workspace: Workspace, model: str) -> list[str]:
    found = []
    for book in workspace.project.models[model].pipeline.books:
        try:
            found.append(_source(json.loads(workspace.source(book).read_bytes())["metadata"]))
        except (OSError, ValueError, LookupError, TypeError):  # whoever needs it says what is wrong
            continue
    return [source for source in found if source is not None]


def _source(metadata: object) -> str | None:
    """The original's path below the project, as a promoted notebook keeps it."""
    ours = metadata.get("mvops") if isinstance(metadata, dict) else None
    source = ours.get("source") if isinstance(ours, dict) else None
    return source if isinstance(source, str) else None


def _promote(notebooks: Sequence[Path]) -> str:
    return f"mvops promote {' '.join(shlex.quote(str(each)) for each in notebooks)}"
