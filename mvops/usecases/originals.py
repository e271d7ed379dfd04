"""Originals that were edited after they were promoted: a plan says so, as nothing comes of the edit by itself."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from typing import Any

from mvops.atomic import content_at
from mvops.core.canonical import digest
from mvops.core.regeneration import sha256
from mvops.errors import NotebookError
from mvops.kinds.kind import Look


def changed_originals(look: Look) -> Iterator[str]:
    """A sentence for each model whose original does something else than when it was promoted."""
    for name, model in sorted(look.workspace.project.models.items()):
        for book in model.pipeline.books:
            yield from _changed_original(look, name, book)


def _changed_original(look: Look, name: str, book: str) -> Iterator[str]:
    content = content_at(look.workspace.source(book))
    if content is None:
        return
    made = sha256(content)
    key = digest(["original of", made])
    told = look.memory.recall(key)
    if not isinstance(told, dict):
        told = _about(content)
        look.memory.keep(key, told)
    source = told.get("source")
    original = content_at(look.workspace.root / source) if isinstance(source, str) else None
    if original is None or sha256(original) == told.get("sha256"):
        return
    key = digest(["original changed", made, sha256(original)])
    found = look.memory.recall(key)
    if not isinstance(found, str):
        found = _changed(look, content, str(source))
        look.memory.keep(key, found)
    if found:
        how = f"mvops promote {shlex.quote(str(source))} --update"
        yield f"{source} has changed since the model {name} was promoted from it: {found}: {how}"


def _about(content: bytes) -> dict[str, Any]:
    """Where the original is, and the digest that it had; empty for what was not promoted."""
    try:
        ours = json.loads(content)["metadata"]["mvops"]
        return {"source": str(ours["source"]), "sha256": str(ours["source_sha256"])}
    except (ValueError, LookupError, TypeError, RecursionError):
        return {}


def _changed(look: Look, content: bytes, source: str) -> str:
    """Which cells; empty where only outputs, layout or comments differ, or the original cannot be read."""
    from mvops.notebook.made_of import base_in, changes, original_cells  # noqa: PLC0415 -- a quiet plan does without
    from mvops.notebook.read import read_notebook  # noqa: PLC0415 -- nbformat, the same

    base = base_in(json.loads(content)["metadata"])
    if base is None:
        return "its code, or only its outputs: an older mvops promoted it, and did not keep what it was; see"
    try:
        found = changes(base.original, original_cells(read_notebook(look.workspace.root / source)))
    except NotebookError:
        return ""
    return f"{found}; take it over" if found else ""
