"""Promotion of several notebooks that make one pipeline: each as one alone, and what they have to do with each other.

Each runs in a kernel of its own, so that what one hands to the next are files. What one writes is no input of a later
one; the model and the rows that judge it are those of one notebook; names of steps and parameters are told apart.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from mvops.errors import NotebookError, UsageError, Where
from mvops.notebook.building import PIPELINES, built, source_of
from mvops.notebook.capture import Around, Capture, capture, metrics_of
from mvops.notebook.code import identifiers, stored_counts
from mvops.notebook.document import step_named_after
from mvops.notebook.evidence import evidence
from mvops.notebook.finding import Finding, together
from mvops.notebook.flow import CellFlow, notebook_flows
from mvops.notebook.handed_files import NamedFiles, made_for, read_too_early
from mvops.notebook.handed_models import SavedModels
from mvops.notebook.made_of import KEY, base_of
from mvops.notebook.parameters import Lifted
from mvops.notebook.paths import covers
from mvops.notebook.preflight import examine, notes_of
from mvops.notebook.promotion import (
    Book,
    HiddenNameError,
    Promotion,
    about_model,
    about_steps,
    draft,
    metrics_found,
    missing_outputs,
    not_found,
    read_book,
    trains,
)
from mvops.notebook.shared_names import SharedNames
from mvops.notebook.skew import skew_notes
from mvops.notebook.stages import Layout, Split, lay_out

_NOTHING: dict[str, Any] = {"pipeline": {}, "evaluate": {}}


@dataclass
class _One:
    """One of the notebooks, as far as it is understood."""

    book: Book
    named: NamedFiles
    word: str  # what its steps and parameters are called after, where that is needed
    lifted: Lifted
    flows: Sequence[CellFlow]
    findings: list[Finding]
    found: Capture = field(default_factory=Capture)
    layout: Layout = field(default_factory=lambda: Layout([], []))

    def told(self, notes: Sequence[str]) -> Iterator[str]:
        """With its name before them."""
        return (f"{self.book.name}: {note}" for note in notes)


def promote_several(paths: Sequence[Path], *, root: Path, name: str, split: Split = "auto") -> Promotion:
    """Promote the notebooks, which run in this order, for the model `name` of the project at `root`.

    Raises NotebookError for what cannot be promoted, and an order in which a file is read before it is written.
    """
    books = read_books(paths, root.resolve())
    names = SharedNames()
    ones = list(_lifted(books, names))
    _capture(ones)
    main = _with_model(ones)
    _one_model(ones, main)
    for one in ones:
        _lay_out(one, names, split)
    return _promotion(ones, main, names, places_of(name, paths), split)


def check_once(paths: Sequence[Path], typed: Sequence[Path]) -> None:
    """Raise UsageError where two of the notebooks are the same."""
    twice = next((typed[at] for at, path in enumerate(paths) if path in paths[:at]), None)
    if twice is not None:
        raise UsageError(f"{twice} is named twice", hint="A notebook of a pipeline runs once: name it once.")


def read_books(paths: Sequence[Path], root: Path) -> list[Book]:
    """Read them all, each with the files that the pipeline makes itself. Raises NotebookError, also for the order."""
    books: list[Book] = []
    for path in paths:
        try:
            books.append(read_book(path, root))
        except HiddenNameError as error:
            maker = next((book.name for book in books if error.name in stored_counts(book.cells)), None)
            if maker is not None:
                error.hint = (
                    f"{maker} makes it, but every notebook runs in a kernel of its own: have that one write it into a "
                    "file, and read it here."
                )
            raise
    named = [NamedFiles(book.cells, book.place) for book in books]
    for at, book in enumerate(books):
        early = read_too_early(named, at)
        if early is not None:
            file, reader, later, writer = early
            raise NotebookError(
                f"Cell {reader.number} reads {file}, which only {books[later].name} writes, in cell {writer.number}, "
                "and that comes later.",
                hint=f"Name the notebooks in the order in which they run: {books[later].name} before {book.name}.",
                where=reader.where(book.path),
            )
    return [replace(book, place=replace(book.place, made=made_for(named, at))) for at, book in enumerate(books)]


def _lifted(books: Sequence[Book], names: SharedNames) -> Iterator[_One]:
    for book in books:
        word = step_named_after(book.path)
        lifted = names.lift(book.cells, book.place, book.name, word)
        flows = notebook_flows([code.source for code in lifted.cells])
        named = NamedFiles(book.cells, book.place)
        yield _One(book, named, word, lifted, flows, examine(book.original, book.cells, book.place))


def _capture(ones: Sequence[_One]) -> None:
    """What each has of a model, knowing those that it loads from those before it."""
    saved = SavedModels()
    used = [identifiers(one.lifted.cells) for one in ones]
    for at, one in enumerate(ones):
        cells = one.lifted.cells
        asked = {use.name for use in evidence(cells).uses}
        later = frozenset().union(*(flow.binds for other in ones[at + 1 :] for flow in other.flows))
        elsewhere = frozenset().union(*(names for place, names in enumerate(used) if place != at))
        around = Around(tuple(saved.loaded(cells, asked, one.named)), later, elsewhere)
        one.found = capture(cells, one.flows, around)
        saved.add(cells, one.found.seen, one.named)


def _with_model(ones: Sequence[_One]) -> _One:
    """The last one with a model: one that is saved goes before others, and one judged by rows held out."""

    def rank(one: _One) -> tuple[bool, ...]:
        found, seen = one.found, one.found.seen
        loaded = _is_loaded(found)
        kept = loaded or any(name == found.variable for _, name in seen.saved)
        judged = None not in {found.features, found.target} and not found.on_training_rows
        return found.model is not None, kept, judged, judged or not loaded, trains(one.book.cells)

    best = max(reversed(ones), key=rank)  # the first of equals, so the last of them
    if best.found.model is None and not any(trains(one.book.cells) for one in ones):
        raise NotebookError(
            "Nothing in these notebooks trains a model: no call of `fit`, and no modelling library is imported.",
            hint="Name the notebook in which the model is trained, too.",
        )
    return best


def _is_loaded(found: Capture) -> bool:
    return any(fit.loaded and fit.name == found.variable and fit.at == found.at for fit in found.seen.fits)


def _one_model(ones: Sequence[_One], main: _One) -> None:
    """Of the others only what the model of `main` has of them: its training rows, and how it is judged."""
    found = main.found
    before = ones[: ones.index(main)] if _is_loaded(found) else ()
    trainer = next((one for one in reversed(before) if one.found.train_features is not None), None)
    if not found.seen.metrics:
        seen = replace(found.seen, metrics=[metric for one in ones for metric in one.found.seen.metrics])
        found.metrics = metrics_of(replace(found, seen=seen))
    for one in ones:
        if one is not main:
            train = one.found.train_features if one is trainer else None
            kept = [each for each in one.found.helpers if each.source.startswith(f"{train} = ")]
            rows = replace(one.found.rows, helpers=kept) if one.found.rows is not None else None
            one.found = Capture(train_features=train, rows=rows, seen=one.found.seen)
    if trainer is not None:
        found.train_features = trainer.found.train_features


def _lay_out(one: _One, names: SharedNames, split: Split) -> None:
    called = partial(names.step, word=one.word)
    one.layout = lay_out(one.lifted.cells, one.flows, one.found, split, called)
    if not one.layout.steps:
        raise NotebookError(
            "Nothing in this notebook would run in a pipeline: its cells only define or show something.",
            hint="Leave it out.",
            where=Where(one.book.path),
        )


def _promotion(ones: Sequence[_One], main: _One, names: SharedNames, places: Sequence[str], split: Split) -> Promotion:
    parameters = list({each.name: each for one in reversed(ones) for each in one.lifted.parameters}.values())
    parameters.sort(key=lambda each: (each.role == "knob", [one.book.name for one in ones].index(each.notebook)))
    inputs = {key: path for one in ones for key, path in one.lifted.inputs.items()}
    config = draft({"notebooks": list(places)}, inputs, parameters, main.found)
    missing = missing_outputs(main.found)
    skew = skew_notes(main.lifted.cells, main.found)
    main.findings += [*about_model(main.book.cells, main.found, skew), *not_found(missing)]
    made = [_built(one, split, config if one is ones[0] else _NOTHING) for one in ones]
    return Promotion(
        notebook=made[0],
        later=tuple(made[1:]),
        config=config,
        notes=[*_handed(ones), *names.notes, *(note for one in ones for note in one.told(_notes(one, main, skew)))],
        parameters=parameters,
        metrics=[
            replace(each, notebook=one.book.name) for one in ones for each in metrics_found(one.book.cells, one.found)
        ],
        steps=[step for one in ones for step in one.layout.steps],
        missing=missing,
        findings=together((one.book.name, one.findings) for one in ones),
    )


def _built(one: _One, split: Split, config: dict[str, Any]) -> NotebookNode:
    source = source_of(one.book.path, one.book.place.root, one.book.place.folder)
    notebook = built(one.book.original, source, one.lifted, one.layout, one.found.helpers)
    notebook.metadata["mvops"][KEY] = base_of(one.book.original, notebook, split, config).as_json()
    return notebook


def _notes(one: _One, main: _One, skew: Sequence[str]) -> list[str]:
    steps = about_steps(one.lifted.cells, one.layout)
    about = [*steps, *one.found.notes, *skew] if one is main else steps[:1]
    return [*about, *one.lifted.notes, *notes_of(one.findings)]


def _handed(ones: Sequence[_One]) -> Iterator[str]:
    """Which file goes from where to where."""
    for at, one in enumerate(ones):
        for path, reader in one.named.read.items():
            writers = ((other, each) for other in reversed(ones[:at]) for each in other.named.written.items())
            found = next(((other, code) for other, (file, code) in writers if covers(path, file)), None)
            if found is not None:
                other, code = found
                yield (
                    f"{path} is handed on: {other.book.name} writes it (cell {code.number}), {one.book.name} reads it "
                    f"(cell {reader.number})."
                )


def places_of(name: str, paths: Sequence[Path]) -> list[str]:
    """Where the promoted notebooks of a model go, below the root."""
    found: list[str] = []
    for path in paths:
        stem = f"{PIPELINES}/{name}_{re.sub(r'[^0-9A-Za-z_.-]+', '_', path.stem).strip('_.') or 'notebook'}"
        numbered = (f"{stem}_{number}.ipynb" for number in itertools.count(2))
        taken = {each.casefold() for each in found}
        found.append(
            next(each for each in itertools.chain([f"{stem}.ipynb"], numbered) if each.casefold() not in taken)
        )
    return found
