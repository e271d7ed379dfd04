"""What changed in a pipeline's code since the run on record: cells of the notebook, and files it is made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mvops.artifacts.store import ArtifactStore
from mvops.atomic import content_at
from mvops.core.code_change import CodeChange, CodeVerb
from mvops.core.diffs import file_diff
from mvops.core.run import Run
from mvops.errors import ArtifactError
from mvops.kinds.kind import Look
from mvops.notebook.changed_cells import changed_cells
from mvops.notebook.document import step_named_after


def code_changes(run: Run, before: Mapping[str, Any], after: Mapping[str, Any], look: Look) -> Iterator[CodeChange]:
    """Cell by cell, then file by file; `before` and `after` are a pipeline's fields, `run` what made it as it is.

    Nothing is said of what the artefact store does not hold any more.
    """
    source, store = look.workspace.source, look.workspace.store
    if before["steps"] != after["steps"]:
        for was, notebook in _pairs(before, after):
            old, new = _kept(run, was, store), content_at(source(notebook))
            if old is not None and new is not None:
                unnamed = step_named_after(Path(notebook)) if after.get("later") else "main"
                yield from changed_cells(notebook, old, new, unnamed)
    known, wanted = before.get("sources", {}), after.get("sources", {})
    for path in sorted(path for path in {*known, *wanted} if known.get(path) != wanted.get(path)):
        old, new = _kept(run, path, store), content_at(source(path))
        verb: CodeVerb = "add" if path not in known else "remove" if path not in wanted else "change"
        whole = (old is None) == (path not in known) and (new is None) == (path not in wanted)
        yield CodeChange(path=path, verb=verb, diff=_diff(path, old or b"", new or b"") if whole else "")


def _pairs(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What each notebook was before: the one of its name, and where there was and is only one, that one."""
    old, new = ([fields["notebook"], *fields.get("later", ())] for fields in (before, after))
    for notebook in new:
        was = old[0] if len(old) == len(new) == 1 else notebook
        if was in old:
            yield was, notebook


def _kept(run: Run, path: str, store: ArtifactStore) -> bytes | None:
    artifact = run.sources.get(path)
    try:
        return None if artifact is None else store.read_bytes(artifact)
    except ArtifactError:
        return None


def _diff(path: str, old: bytes, new: bytes) -> str:
    """Empty for what is no text."""
    return "" if b"\0" in old + new else file_diff(path, old, new)
