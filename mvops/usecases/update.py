"""A notebook that was edited after it was promoted: what is new is merged into what was made of it."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from mvops.atomic import write_atomically
from mvops.core.config.model import Model
from mvops.core.naming import suggest_name
from mvops.errors import ConflictError, NotebookError, UsageError, Where
from mvops.loading.accepting import Written, accept
from mvops.loading.adding import model_file
from mvops.loading.merging import MergedYaml, merged_yaml
from mvops.notebook.document import check_steps
from mvops.notebook.injection import declared_in
from mvops.notebook.made_of import Base, Changes, base_in, changes
from mvops.notebook.promotion import Promotion
from mvops.notebook.promotion import promote as read_and_promote
from mvops.notebook.remerge import Merged, Side, remerge, summary
from mvops.registry.events import record_event
from mvops.usecases.promote import Promoted, as_typed, find_notebook, split_of
from mvops.workspace import Workspace

_SIDES: tuple[Side, ...] = ("stop", "mine", "original")


@dataclass(frozen=True)
class Updated:
    """What was merged. `made` is None where there was nothing to do; `adopted`: only the base was recorded."""

    name: str
    original: Path
    notebook: str
    changes: Changes
    made: Promoted | None = None
    taken: Sequence[str] = ()
    kept: Sequence[str] = ()
    written: Sequence[Written] = field(default=())
    adopted: bool = False

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "model": self.name,
            "notebook": self.notebook,
            "changed": self.made is not None,
            "cells": {"changed": self.changes.changed, "new": self.changes.new}
            | {"moved": self.changes.moved, "gone": self.changes.gone},
            "taken": list(self.taken),
            "kept": list(self.kept),
            "written": [vars(each) for each in self.written],
        }


def update(
    workspace: Workspace,
    notebook: Path,
    *,
    name: str | None = None,
    split: str | None = None,
    on_conflict: str = "stop",
) -> Updated:
    """Merge what changed in the notebook into its promoted copy and the model's YAML; all of it, or nothing.

    Raises UsageError where it was never promoted, ConflictError where a cell was changed in both, NotebookError.
    """
    side = next((side for side in _SIDES if side == on_conflict), None)
    if side is None:
        raise UsageError(f"--on-conflict {on_conflict}: there is no such way", hint=f"Choose from {', '.join(_SIDES)}")
    path = find_notebook(workspace, notebook)
    model = _model(workspace, path, notebook, name)
    target = workspace.source(_only_book(workspace, model, notebook))
    shown = target.relative_to(workspace.root).as_posix() if target.is_relative_to(workspace.root) else str(target)
    now = _read(target)
    base = base_in(now.metadata)
    with as_typed(path, notebook):
        found = read_and_promote(
            path, root=workspace.root, name=model, split=split_of(split or (base.split if base else "auto"))
        )
    if base is None:
        return _adopted(Updated(model, path, shown, Changes(), adopted=True), target, now, found, notebook)
    made = base_in(found.notebook.metadata)
    assert made is not None
    found_changes = changes(base.original, made.original)
    if not found_changes and not found_changes.prose and made.split == base.split:
        return Updated(model, path, shown, found_changes)
    merged = remerge(shown, now, base, found.notebook, side)
    text = _checked(merged, target, notebook, shown)
    yaml = _yaml(workspace, model, text, base, found)
    if yaml.conflicts and side != "mine":
        raise ConflictError(
            f"{model_file(model)} says what the notebook does not any more; nothing was written",
            hint="\n".join([*yaml.conflicts, "Then type the same command again."]),
        )
    written = accept(workspace.root, yaml.changes, workspace.project.environment) if yaml.changes else []
    write_atomically(target, text.encode())
    told = str(found_changes) if found_changes or found_changes.prose else f"split: {made.split}"
    record_event(workspace.registry, "promote", model, f"merged {path.name}: {told}")
    config = model_file(model).as_posix()
    return Updated(
        model,
        path,
        shown,
        found_changes,
        made=Promoted(
            model, path, shown, config, _for_proof(found, text, shown, workspace.model(model)), replaced=True
        ),
        taken=merged.taken,
        kept=[*merged.kept, *yaml.kept, *yaml.conflicts],
        written=written,
    )


def _yaml(workspace: Workspace, model: str, text: str, base: Base, found: Promotion) -> MergedYaml:
    spec = workspace.project.models[model].model_dump(mode="json", exclude_none=True)
    return merged_yaml(model, base.config, found.config, spec, declared_in(text.encode(), model).names)


def _for_proof(found: Promotion, text: str, shown: str, model: Model) -> Promotion:
    """With the values of the original, as far as the merged notebook has names for them, in the model's kernel."""
    declared = declared_in(text.encode(), shown).names
    pipeline = found.config["pipeline"]
    kept = {name: value for name, value in pipeline.get("parameters", {}).items() if name in declared}
    runs_in = model.pipeline.model_dump(include={"kernel", "python"}, exclude_none=True)
    made = {**pipeline, **runs_in, "notebook": shown, "parameters": kept}
    return replace(found, config={**found.config, "pipeline": made})


def _checked(merged: Merged, target: Path, notebook: Path, shown: str) -> str:
    """The merged notebook's text. Raises ConflictError where it is none."""
    again = f"mvops promote {shlex.quote(str(notebook))} --update"
    if merged.conflicts:
        number = len(merged.conflicts)
        what = "a cell was" if number == 1 else f"{number} cells were"
        raise ConflictError(
            f"{shown}: {what} changed both here and in {notebook}; nothing was written",
            hint="\n".join(
                [
                    *summary(merged.conflicts),
                    "(- is here, + is what the original makes of it.)",
                    f"Keep what is here: {again} --on-conflict mine",
                    f"Take the original's: {again} --on-conflict original",
                    "Or write both into the cell here, and then keep what is here.",
                ]
            ),
        )
    text = str(nbformat.writes(merged.notebook))  # type: ignore[no-untyped-call]
    try:
        check_steps(json.loads(text), Where(target))
    except NotebookError as error:
        error.message = f"Merged, the tags would contradict each other; nothing was written. {error.message}"
        error.hint = f"Retag the cells of {shown} in JupyterLab as you want the steps to be, then: {again}"
        raise
    return text


def _adopted(done: Updated, target: Path, now: NotebookNode, found: Promotion, notebook: Path) -> Updated:
    """What an older mvops promoted, of a notebook that has not changed since: remember what it was made of."""
    ours = now.metadata.get("mvops", {})
    fresh = found.notebook.metadata["mvops"]
    if ours.get("source_sha256") != fresh["source_sha256"]:
        raise NotebookError(
            f"{done.notebook} does not say what promote made of {notebook}, as an older mvops promoted it (or somebody"
            " took that out): what was changed by hand cannot be told from what changed in the original",
            hint="Bring the original back as it was when it was promoted (from Git), and type this command once: it"
            " records that. Then bring today's original back, and type it again.\n"
            "Or make all of it anew, without what was changed by hand: the same with --force in place of --update",
        )
    now.metadata["mvops"] = nbformat.from_dict({**ours, "promoted": fresh["promoted"]})  # type: ignore[no-untyped-call]
    write_atomically(target, str(nbformat.writes(now)).encode())  # type: ignore[no-untyped-call]
    return done


def _model(workspace: Workspace, path: Path, notebook: Path, name: str | None) -> str:
    """The model that was promoted from this notebook."""
    made = sorted(_made_from(workspace, path))
    if name is not None:
        if name not in workspace.project.models:
            raise UsageError(f"there is no model {name}", hint=_promote(notebook))
        return name
    if len(made) > 1:
        raise UsageError(f"{notebook} was promoted as {', '.join(made)}", hint=f"Say which: --name {made[0]}")
    if made:
        return made[0]
    guess = suggest_name(path.stem)
    if guess in workspace.project.models:
        raise UsageError(
            f"the model {guess} was not promoted from {notebook}",
            hint=f"If it was, and the notebook was moved since: --name {guess}",
        )
    raise UsageError(f"{notebook} was not promoted yet", hint=_promote(notebook))


def _only_book(workspace: Workspace, model: str, notebook: Path) -> str:
    books = workspace.project.models[model].pipeline.books
    if len(books) > 1:
        raise UsageError(
            f"the model {model} is made of {len(books)} notebooks, and --update merges into one only",
            hint=f"Make the same edit in the one of them that was promoted from {notebook}: {', '.join(books)}",
        )
    return books[0]


def _promote(notebook: Path) -> str:
    return f"mvops promote {shlex.quote(str(notebook))}"


def _made_from(workspace: Workspace, path: Path) -> Iterator[str]:
    source = Path(os.path.relpath(path, workspace.root)).as_posix()
    for name, model in workspace.project.models.items():
        try:
            books = [json.loads(workspace.source(book).read_bytes()) for book in model.pipeline.books]
            if any(book["metadata"]["mvops"]["source"] == source for book in books):
                yield name
        except (OSError, ValueError, LookupError, TypeError):  # whoever needs it says what is wrong
            continue


def _read(target: Path) -> NotebookNode:
    try:
        read: NotebookNode = nbformat.reads(target.read_text(encoding="utf-8"), as_version=4)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise NotebookError(
            f"The promoted notebook cannot be read: {error}.", hint="Bring it back from Git.", where=Where(target)
        ) from None
    return read
