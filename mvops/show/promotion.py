"""What promotion found, and what its proof says, as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mvops.core.counts import counted
from mvops.notebook.places import told_cell
from mvops.notebook.predicted import Predictions
from mvops.notebook.shown import TOLERANCE
from mvops.notebook.verify import Verification
from mvops.usecases.promote import Promoted
from mvops.usecases.update import Updated

VERDICTS = {
    "equal": "EQUAL: the promoted pipeline shows the same numbers as the original notebook",
    "different": "DIFFERENT: the promoted pipeline shows other numbers than the original notebook",
    "not_comparable": "NOT COMPARABLE: the original notebook shows other numbers at each run",
}
_MOST = 10  # differences that are shown
_WIDEST = 40


def promotion_lines(made: Promoted) -> Iterator[str]:
    """What was written, the parameters and inputs found, and the notes."""
    found, pipeline = made.found, made.found.config["pipeline"]
    yield f"Promoted {', '.join(path.name for path in made.originals)} as the model {made.name}:"
    for notebook in made.notebooks:
        yield f"  {notebook}  still runs from top to bottom in Jupyter; its tags are yours to change"
    yield f"  {made.config}"
    yield f"Steps       {', '.join(found.steps)}"
    for name, path in pipeline.get("inputs", {}).items():
        yield f"Input       {name} = {path}"
    for parameter in found.parameters:
        if parameter.role == "knob":
            yield f"Parameter   {parameter.name} = {parameter.default!r} ({parameter.place}: {parameter.used_by})"
    for role, variable in pipeline["outputs"].items():
        yield f"Output      {role} = {variable}"
    yield from (f"Note        {note}" for note in found.notes)
    yield from (f"MISSING     {key}: write it into {made.config}" for key in found.missing)


def update_lines(done: Updated) -> Iterator[str]:
    """What was merged, what stays, and what the YAML says now."""
    originals = ", ".join(book.original.name for book in done.books)
    several = len(done.books) > 1
    if done.adopted:
        notebooks, what = ", ".join(book.notebook for book in done.books), "they were" if several else "it was"
        says = "say" if several else "says"
        yield f"{notebooks} {says} now what {what} made of: edits of {originals} can be merged from here on."
        return
    if done.made is None:
        has, was = ("have", "they were") if several else ("has", "it was")
        yield f"Nothing to do: {originals} {has} not changed since {was} promoted as the model {done.name}."
        return
    for book in done.books:
        if book.changes or book.changes.prose or not several:
            told = str(book.changes) if book.changes or book.changes.prose else "steps begin elsewhere"
            yield f"Merged {book.original.name} into {book.notebook}: {told}."
    yield from (f"Taken over  {each}" for each in done.taken)
    yield from (f"Kept        {each}" for each in done.kept)
    for each in done.written:
        key, after = ".".join(map(str, each.path)), "nothing" if each.after is None else repr(each.after)
        yield f"YAML        {each.file}:{each.line}: {key} {_said(each.before)} -> {after}"
    yield "What runs again, and why: mvops plan"


def _said(value: Any) -> str:
    return "(new)" if value is None else repr(value)


def verification_lines(proof: Verification) -> Iterator[str]:
    """The verdict, the metrics side by side, and where the numbers differ."""
    yield VERDICTS[proof.verdict] + f" ({proof.numbers} numbers in {proof.cells} cells)."
    if proof.reason:
        yield f"  {proof.reason}"
    if proof.tolerance != TOLERANCE:
        yield f"  numbers and predictions may differ by a relative {proof.tolerance:g}"
    width = min(_WIDEST, max((len(row.name) for row in proof.metrics), default=0))
    for row in proof.metrics:
        yield f"  {row.name[:width]:<{width}}  original {_number(row.original)}  promoted {_number(row.promoted)}"
    yield f"  {predictions_line(proof.predictions)}"
    yield from (f"    {example}" for example in proof.predictions.examples)
    for difference in proof.differences[:_MOST]:
        where = told_cell(difference.cell, difference.notebook)
        yield f"  {where}: {difference.original} != {difference.promoted}"
    yield from (f"  {file.path}: {file.said}" for file in proof.files)
    yield from (f"  unseeded: {call}" for call in proof.unseeded if proof.verdict == "not_comparable")
    yield f"  original {proof.original_seconds:.1f} s, promoted {proof.promoted_seconds:.1f} s"


def predictions_line(found: Predictions) -> str:
    """What became of the comparison of predictions."""
    if found.reason:
        return f"predictions were not compared: {found.reason}"
    rows = counted(found.rows, "held-out row")
    if not found.different:
        return f"predictions for {rows}: all equal"
    each_time = "; the original predicts otherwise each time" if found.stable is False else ""
    return f"predictions for {rows}: {found.different} different{each_time}"


def _number(value: float | None) -> str:
    return "nothing" if value is None else f"{value:.6g}"
