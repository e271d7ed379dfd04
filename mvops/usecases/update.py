"""Notebooks that were edited after they were promoted: what is new is merged into what was made of them."""

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

from mvops.atomic import all_or_none, write_atomically
from mvops.core.config.model import Model
from mvops.errors import ConflictError, NotebookError, UsageError, Where
from mvops.loading.accepting import Written, accept
from mvops.loading.adding import model_file
from mvops.loading.merging import MergedYaml, merged_yaml
from mvops.notebook.document import check_steps
from mvops.notebook.injection import declared_in
from mvops.notebook.made_of import Base, Changes, base_in, changes
from mvops.notebook.promotion import Promotion
from mvops.notebook.remerge import Conflict, Merged, Side, remerge, summary
from mvops.registry.events import record_event
from mvops.usecases.promote import Promoted, as_typed, find_notebooks, read_and_promote, split_of
from mvops.usecases.promoted_from import made_from, originals_of
from mvops.workspace import Workspace

_SIDES: tuple[Side, ...] = ("stop", "mine", "original")


@dataclass(frozen=True)
class Edited:
    """One of the notebooks: the original, what was made of it (below the project), and what changed in the original."""

    original: Path
    notebook: str
    changes: Changes

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        found = self.changes
        cells = {"changed": found.changed, "new": found.new, "moved": found.moved, "gone": found.gone}
        return {"notebook": self.notebook, "cells": cells}


@dataclass(frozen=True)
class Updated:
    """What was merged. `made` is None where there was nothing to do; `adopted`: only the base was recorded."""

    name: str
    books: tuple[Edited, ...]
    made: Promoted | None = None
    taken: Sequence[str] = ()
    kept: Sequence[str] = ()
    written: Sequence[Written] = field(default=())
    adopted: bool = False

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        books = [each.as_json() for each in self.books]
        return {
            "model": self.name,
            "changed": self.made is not None,
            **(books[0] if len(books) == 1 else {"notebooks": books}),
            "taken": list(self.taken),
            "kept": list(self.kept),
            "written": [vars(each) for each in self.written],
        }


@dataclass(frozen=True)
class _Book:
    """A promoted notebook as it is now, and the original, under the name that somebody typed."""

    target: Path
    shown: str
    now: NotebookNode
    base: Base | None
    original: Path
    typed: Path


def update(
    workspace: Workspace,
    notebooks: Sequence[Path],
    *,
    name: str | None = None,
    split: str | None = None,
    on_conflict: str = "stop",
) -> Updated:
    """Merge what changed in a notebook into its promoted copy and the model's YAML; all of it, or nothing.

    A model of several notebooks is merged as a whole, whichever of them is named.

    Raises UsageError where it was never promoted, ConflictError where a cell was changed in both, NotebookError.
    """
    side = next((side for side in _SIDES if side == on_conflict), None)
    if side is None:
        raise UsageError(f"--on-conflict {on_conflict}: there is no such way", hint=f"Choose from {', '.join(_SIDES)}")
    paths = find_notebooks(workspace, notebooks)
    model = made_from(workspace, paths, notebooks, name)
    books = _books(workspace, model, paths, notebooks)
    originals = [book.original for book in books]
    last = next((book.base.split for book in books if book.base is not None), "auto")
    with as_typed(originals, [book.typed for book in books]):
        found = read_and_promote(originals, root=workspace.root, name=model, split=split_of(split or last))
    if any(book.base is None for book in books):
        return _adopted(model, books, found)
    edited, changed = _edits(books, found, split or last, last)
    if not changed:
        return Updated(model, edited)
    merged = [
        remerge(book.shown, book.now, book.base, new, side)
        for book, new in zip(books, found.notebooks, strict=True)
        if book.base is not None
    ]
    texts = _checked(merged, books)
    yaml = _yaml(workspace, model, texts, books, found)
    if yaml.conflicts and side != "mine":
        raise ConflictError(
            f"{model_file(model)} says what the notebook does not any more; nothing was written",
            hint="\n".join([*yaml.conflicts, "Then type the same command again."]),
        )
    told = "; ".join(f"{each.original.name}: {each.changes}" for each in edited if each.changes or each.changes.prose)
    told = told or f"{edited[0].original.name}: split: {split}"
    with all_or_none([*(workspace.root / "configs").rglob("*.yaml"), *(book.target for book in books)]):
        written = accept(workspace.root, yaml.changes, workspace.project.environment) if yaml.changes else []
        for book, text in zip(books, texts, strict=True):
            write_atomically(book.target, text.encode())
        record_event(workspace.registry, "promote", model, f"merged {told}")
    return Updated(
        model,
        edited,
        made=_for_proof(model, found, texts, books, workspace.model(model)),
        taken=[told for book, each in zip(books, merged, strict=True) for told in _of(book, each.taken, books)],
        kept=[
            *(told for book, each in zip(books, merged, strict=True) for told in _of(book, each.kept, books)),
            *yaml.kept,
            *yaml.conflicts,
        ],
        written=written,
    )


def _books(workspace: Workspace, model: str, paths: Sequence[Path], notebooks: Sequence[Path]) -> list[_Book]:
    targets = [workspace.source(book) for book in workspace.project.models[model].pipeline.books]
    nows = [_read(target) for target in targets]
    originals = originals_of(workspace, model, nows, paths, notebooks)
    typed = dict(zip(paths, notebooks, strict=True))
    return [
        _Book(
            target,
            target.relative_to(workspace.root).as_posix() if target.is_relative_to(workspace.root) else str(target),
            now,
            base_in(now.metadata),
            original,
            typed.get(original) or Path(os.path.relpath(original, workspace.root)),
        )
        for target, now, original in zip(targets, nows, originals, strict=True)
    ]


def _edits(books: Sequence[_Book], found: Promotion, split: str, last: str) -> tuple[tuple[Edited, ...], bool]:
    """What changed in each original, and whether there is anything to do."""
    edited = []
    for book, new in zip(books, found.notebooks, strict=True):
        made = base_in(new.metadata)
        assert made is not None
        assert book.base is not None
        edited.append(Edited(book.original, book.shown, changes(book.base.original, made.original)))
    return tuple(edited), split != last or any(each.changes or each.changes.prose for each in edited)


def _of(book: _Book, told: Sequence[str], books: Sequence[_Book]) -> Iterator[str]:
    """Sentences about a notebook, with its name where there are several."""
    return (f"{book.original.name}: {each}" if len(books) > 1 else each for each in told)


def _yaml(
    workspace: Workspace, model: str, texts: Sequence[str], books: Sequence[_Book], found: Promotion
) -> MergedYaml:
    """What promote said of the YAML is kept with the first notebook."""
    spec = workspace.project.models[model].model_dump(mode="json", exclude_none=True)
    base = books[0].base
    assert base is not None
    return merged_yaml(model, base.config, found.config, spec, _declared(texts, model))


def _declared(texts: Sequence[str], model: str) -> frozenset[str]:
    return frozenset().union(*(declared_in(text.encode(), model).names for text in texts))


def _for_proof(model: str, found: Promotion, texts: Sequence[str], books: Sequence[_Book], spec: Model) -> Promoted:
    """With the original's values, as far as the merged notebooks have names for them, and the model's limits."""
    declared = _declared(texts, books[0].shown)
    pipeline = found.config["pipeline"]
    kept = {name: value for name, value in pipeline.get("parameters", {}).items() if name in declared}
    runs_in = spec.pipeline.model_dump(include={"kernel", "python"}, exclude_none=True)
    return Promoted(
        model,
        originals=tuple(book.original for book in books),
        notebooks=tuple(book.shown for book in books),
        config=model_file(model).as_posix(),
        found=replace(found, config={**found.config, "pipeline": {**pipeline, **runs_in, "parameters": kept}}),
        replaced=True,
        timeout=spec.pipeline.timeout.total_seconds(),
        memory=spec.pipeline.memory,
    )


def _checked(merged: Sequence[Merged], books: Sequence[_Book]) -> list[str]:
    """The merged notebooks' texts. Raises ConflictError where one is none."""
    typed = " ".join(shlex.quote(str(book.typed)) for book in books)
    again = f"mvops promote {typed} --update"
    clashing = [(book, each.conflicts) for book, each in zip(books, merged, strict=True) if each.conflicts]
    if clashing:
        told = []
        for book, conflicts in clashing:
            what = "a cell was" if len(conflicts) == 1 else f"{len(conflicts)} cells were"
            told.append(f"{book.shown}: {what} changed both here and in {book.typed}")
        raise ConflictError(
            f"{'; '.join(told)}; nothing was written",
            hint="\n".join(
                [
                    *(line for book, conflicts in clashing for line in _conflicts(book, conflicts, books)),
                    "(- is here, + is what the original makes of it.)",
                    f"Keep what is here: {again} --on-conflict mine",
                    f"Take the original's: {again} --on-conflict original",
                    "Or write both into the cell here, and then keep what is here.",
                ]
            ),
        )
    texts = [str(nbformat.writes(each.notebook)) for each in merged]  # type: ignore[no-untyped-call]
    for book, text in zip(books, texts, strict=True):
        try:
            check_steps(json.loads(text), Where(book.target))
        except NotebookError as error:
            error.message = f"Merged, the tags would contradict each other; nothing was written. {error.message}"
            error.hint = f"Retag the cells of {book.shown} in JupyterLab as you want the steps to be, then: {again}"
            raise
    return texts


def _conflicts(book: _Book, conflicts: Sequence[Conflict], books: Sequence[_Book]) -> Iterator[str]:
    if len(books) > 1:
        yield f"{book.shown}:"
    yield from summary(conflicts)


def _adopted(model: str, books: Sequence[_Book], found: Promotion) -> Updated:
    """What an older mvops promoted, of notebooks that have not changed since: remember what they were made of."""
    lacking = [(book, new) for book, new in zip(books, found.notebooks, strict=True) if book.base is None]
    for book, new in lacking:
        ours, fresh = book.now.metadata.get("mvops", {}), new.metadata["mvops"]
        if ours.get("source_sha256") != fresh["source_sha256"]:
            raise NotebookError(
                f"{book.shown} does not say what promote made of {book.typed}, as an older mvops promoted it (or"
                " somebody took that out): what was changed by hand cannot be told from what changed in the original",
                hint="Bring the original back as it was when it was promoted (from Git), and type this command once: it"
                " records that. Then bring today's original back, and type it again.\n"
                "Or make all of it anew, without what was changed by hand: the same with --force in place of --update",
            )
        book.now.metadata["mvops"] = nbformat.from_dict({**ours, "promoted": fresh["promoted"]})  # type: ignore[no-untyped-call]
    for book, _ in lacking:
        write_atomically(book.target, str(nbformat.writes(book.now)).encode())  # type: ignore[no-untyped-call]
    return Updated(model, tuple(Edited(book.original, book.shown, Changes()) for book in books), adopted=True)


def _read(target: Path) -> NotebookNode:
    try:
        read: NotebookNode = nbformat.reads(target.read_text(encoding="utf-8"), as_version=4)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise NotebookError(
            f"The promoted notebook cannot be read: {error}.", hint="Bring it back from Git.", where=Where(target)
        ) from None
    return read
