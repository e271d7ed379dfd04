"""Promotion: from a notebook as it is to a tagged copy and a draft of the model's YAML, by reading the code only."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from mvops.errors import NotebookError, Where
from mvops.notebook.building import PIPELINES, built, source_of
from mvops.notebook.capture import Capture, capture
from mvops.notebook.code import Code, code_cells, modules_of, python_2_names
from mvops.notebook.finding import Finding, found_at, in_order
from mvops.notebook.findings import How
from mvops.notebook.flow import notebook_flows
from mvops.notebook.hidden import Hidden, hidden_name
from mvops.notebook.made_of import KEY, base_of
from mvops.notebook.parameters import Parameter, Place, lift
from mvops.notebook.preflight import RUN_ALL, about_hidden, examine, notes_of
from mvops.notebook.prepared_cell import take_over
from mvops.notebook.read import read_notebook, says_python_2
from mvops.notebook.skew import skew_notes
from mvops.notebook.stages import Layout, Split, lay_out

_SHOWN = 12
_MODELLING = {
    *(
        "sklearn",
        "xgboost",
        "lightgbm",
        "catboost",
        "statsmodels",
        "tensorflow",
        "keras",
        "torch",
        "prophet",
        "fbprophet",
    ),
    *("imblearn", "pycaret", "h2o", "flaml", "autogluon", "ngboost", "mlxtend", "surprise", "implicit", "tpot"),
}


@dataclass(frozen=True)
class MetricFound:
    """Where a metric is computed. `metric` is in mvops' words, or "score"; `cell` counts from 1.

    `notebook` is the file's name where a pipeline is of several.
    """

    metric: str
    function: str
    cell: int
    how: How
    assigned: str | None
    model: str | None
    text: str
    notebook: str = ""


@dataclass(frozen=True)
class Promotion:
    """What promotion found. Nothing is written.

    `config` is a draft for core.config.model.Model; `missing` lists the keys in it that the user has to fill in, such
    as `pipeline.outputs.model`, and is empty where the draft is complete. `steps` are in order. `later` are the
    promoted notebooks that go on after the first.
    """

    notebook: NotebookNode
    config: dict[str, Any]
    notes: list[str]
    parameters: list[Parameter]
    metrics: list[MetricFound]
    steps: list[str]
    missing: tuple[str, ...] = ()
    findings: list[Finding] = field(default_factory=list)  # what `--check` shows
    later: tuple[NotebookNode, ...] = ()

    @property
    def notebooks(self) -> tuple[NotebookNode, ...]:
        """All of them, in their order."""
        return (self.notebook, *self.later)


class HiddenNameError(NotebookError):
    """A `name` is used before anything in the notebook defines it."""

    def __init__(self, hidden: Hidden, path: Path) -> None:
        super().__init__(about_hidden(hidden), hint=RUN_ALL, where=hidden.code.where(path, hidden.name))
        self.name = hidden.name


@dataclass(frozen=True)
class Book:
    """A notebook that is to be promoted, with its code cells."""

    path: Path
    original: NotebookNode
    cells: list[Code]
    place: Place

    @property
    def name(self) -> str:
        """As people call it."""
        return self.path.name


def read_book(path: Path, root: Path, *, folder: Path | None = None, content: NotebookNode | None = None) -> Book:
    """Read what is to be promoted. Raises NotebookError for what cannot be."""
    path, root = path.resolve(), root.resolve()
    original = read_notebook(path) if content is None else content
    folder = folder.resolve() if folder else path.parent
    if "mvops" in original.metadata:
        raise NotebookError(
            "This notebook was promoted already.",
            hint=f"Promote the original, {original.metadata['mvops'].get('source', '')}, instead.",
            where=Where(path),
        )
    cells = code_cells(original, path)
    _check_names(original, cells, path)
    return Book(path, original, cells, Place(root, folder, moves=_moves(cells)))


def promote(
    path: Path,
    *,
    root: Path,
    name: str,
    split: Split = "auto",
    folder: Path | None = None,
    content: NotebookNode | None = None,
) -> Promotion:
    """Promote the notebook at `path` for the model `name` of the project at `root`.

    `folder` is where it is run, if that is not its own folder; `content` is what a file that is no notebook holds, as
    one.

    Raises NotebookError for what cannot be promoted: no notebook, not Python 3, no code, names that are used before
    anything defines them.
    """
    book = read_book(path, root, folder=folder, content=content)
    cells = book.cells
    lifted = lift(cells, book.place)
    flows = notebook_flows([code.source for code in lifted.cells])
    found = capture(lifted.cells, flows)
    layout = lay_out(lifted.cells, flows, found, split)
    if not layout.steps or (found.model is None and not trains(cells)):
        raise NotebookError(
            "Nothing in this notebook trains a model: there is no call of `fit`, and no modelling library is imported.",
            hint="Name the notebook in which the model is trained.",
            where=Where(book.path),
        )
    findings = examine(book.original, cells, book.place)
    skew = skew_notes(lifted.cells, found)
    if skew and take_over(found, lifted.cells, flows):
        skew = skew_notes(lifted.cells, found)
    config = draft({"notebook": f"{PIPELINES}/{name}.ipynb"}, lifted.inputs, lifted.parameters, found)
    notebook = built(
        book.original, source_of(book.path, root.resolve(), book.place.folder), lifted, layout, found.helpers
    )
    notebook.metadata["mvops"][KEY] = base_of(book.original, notebook, split, config).as_json()
    missing = missing_outputs(found)
    return Promotion(
        notebook=notebook,
        config=config,
        notes=[
            *about_steps(lifted.cells, layout),
            *found.notes,
            *skew,
            *lifted.notes,
            *notes_of(findings),
        ],
        parameters=lifted.parameters,
        metrics=list(metrics_found(cells, found)),
        steps=layout.steps,
        missing=missing,
        findings=in_order([*findings, *about_model(cells, found, skew), *not_found(missing)]),
    )


def metrics_found(cells: Sequence[Code], found: Capture) -> Iterator[MetricFound]:
    """Where they are computed."""
    for m in found.seen.metrics:
        yield MetricFound(m.metric, m.function, cells[m.at].number, m.how, m.assigned, m.model, m.text)


def missing_outputs(found: Capture) -> tuple[str, ...]:
    """The keys that are to be filled in."""
    return tuple(f"pipeline.outputs.{key}" for key in ("model", "features", "target") if getattr(found, key) is None)


def about_model(cells: Sequence[Code], found: Capture, skew: Sequence[str]) -> list[Finding]:
    """The findings about the model and its rows, in the notebook that has them."""
    return [*_judged_by_training_rows(cells, found), *_about_skew(skew)]


def _judged_by_training_rows(cells: Sequence[Code], found: Capture) -> list[Finding]:
    if found.at is None or not found.on_training_rows:
        return []
    fit = next(f for f in reversed(found.seen.fits) if f.at == found.at and f.name == found.variable)
    message = f"`{found.variable}` is judged on the rows it was fitted on: its numbers are too good."
    remedy = "Hold some rows back with train_test_split, and judge it by those."
    line = getattr(fit.features, "lineno", 1)
    return [found_at(cells[found.at], line, "leak", "warning", message, remedy)]


def _about_skew(notes: Sequence[str]) -> Iterator[Finding]:
    """Training and serving that would differ, with the first of the cells that make it so."""
    for note in notes:
        named = re.search(r"cell (\d+)", note)
        yield Finding("skew", "warning", note, "", int(named[1]) if named else None)


def not_found(missing: Sequence[str]) -> list[Finding]:
    """The outputs that cannot be told."""
    words = {"model": "the fitted model", "features": "the rows that it is judged by", "target": "their true values"}
    if not missing:
        return []
    message = f"Not to be told from the code: {', '.join(words[key.rpartition('.')[2]] for key in missing)}."
    remedy = f"Name the variable in the model's YAML, once promoted: {', '.join(missing)}."
    return [Finding("not_found", "warning", message, remedy)]


def _check_names(original: NotebookNode, cells: Sequence[Code], path: Path) -> None:
    if not cells:
        raise NotebookError("The notebook holds no code.", where=Where(path))
    hidden = hidden_name(cells)
    old = python_2_names(cells) if says_python_2(original) or hidden else None
    if old is not None:
        message, hint = about_python_2(*old)
        raise NotebookError(message, hint=hint, where=old[0].where(path, old[1]))
    if hidden is not None:
        raise HiddenNameError(hidden, path)


def about_python_2(code: Code, name: str) -> tuple[str, str]:
    """What is so, and what to do."""
    return (
        f"Cell {code.number} uses `{name}`, which only Python 2 has.",
        "Convert the notebook with `2to3`, run it once under Python 3, and promote that.",
    )


def trains(cells: Sequence[Code]) -> bool:
    """Is anything fitted, or at least a library there that could?"""
    libraries = {origin.partition(".")[0] for origin in modules_of(cells).values()}
    fits = any(isinstance(n, ast.Attribute) and n.attr == "fit" for code in cells for n in ast.walk(code.cell.tree))
    return fits or bool(libraries & _MODELLING)


def _moves(cells: Sequence[Code]) -> bool:
    """Does the notebook change its working folder?"""
    from_magic = any(magic.lstrip("%").startswith("cd ") for code in cells for magic in code.cell.magics)
    return from_magic or any("os.chdir" in code.source for code in cells)


def draft(
    books: Mapping[str, Any], inputs: Mapping[str, str], parameters: Sequence[Parameter], found: Capture
) -> dict[str, Any]:
    """The model's YAML, but for what the project adds; `books` says where the promoted notebooks are."""
    pipeline: dict[str, Any] = dict(books)
    if inputs:
        pipeline["inputs"] = dict(inputs)
    shown = _worth_showing(parameters, found)
    if shown:
        pipeline["parameters"] = {parameter.name: parameter.default for parameter in shown}
    roles = ("model", "features", "target", "train_features", "times")
    pipeline["outputs"] = {key: value for key in roles if (value := getattr(found, key)) is not None}
    return {"pipeline": pipeline, "evaluate": {"task": found.task, "metrics": list(found.metrics)}}


def _worth_showing(parameters: Sequence[Parameter], found: Capture) -> list[Parameter]:
    """All knobs if they are few; else those that do not belong to another model than the captured one."""
    scalars = [parameter for parameter in parameters if parameter.role == "knob"]
    if len(scalars) <= _SHOWN:
        return scalars
    return [p for p in scalars if p.owners & {"*", found.variable or ""}][:_SHOWN]


def about_steps(cells: Sequence[Code], layout: Layout) -> list[str]:
    """Which cells are which step."""
    if len(layout.steps) > 1:
        spans = []
        for step in layout.steps:
            numbers = [code.number for code, role in zip(cells, layout.roles, strict=True) if role == step]
            spans.append(
                f"{step} (cell {numbers[0]})" if len(numbers) == 1 else f"{step} (cells {numbers[0]}-{numbers[-1]})"
            )
        return [f"Steps: {', '.join(spans)}.", *layout.notes]
    return ["The notebook is one step.", *layout.notes]
