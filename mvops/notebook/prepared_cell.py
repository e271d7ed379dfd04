"""What prepares all rows of a notebook becomes a part of its model, in cells that are added to the promoted one."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import NamedTuple

from mvops.notebook.capture import Capture
from mvops.notebook.code import Code
from mvops.notebook.flow import CellFlow
from mvops.notebook.held_out import Helper, Rows, imported_as
from mvops.notebook.raw_rows import Prepared, prepared
from mvops.notebook.unprepared import SAYS
from mvops.rendering import render_folder

_IMPORTS = (
    ("sklearn.base", "BaseEstimator"),
    ("sklearn.base", "TransformerMixin"),
    ("sklearn.pipeline", "make_pipeline"),
)
_FILE = "prepared_rows.py"


class Made(NamedTuple):
    """The variables with the model, the rows that it is judged on, and those that it is fitted on."""

    model: str
    held_out: str
    train: str


def take_over(found: Capture, cells: list[Code], flows: Sequence[CellFlow]) -> bool:
    """Let the model of `found` begin with it, where it is certain enough to be tried; the cells may get a line more."""
    made, rows = (found.model, found.features, found.train_features), found.rows
    if rows is None or found.parts is None or found.at is None or None in made:
        return False
    found.prepared = prepared(cells, flows, found.parts, rows.fresh)
    if found.prepared is None:
        return False
    place = max(found.at, *(part.at for part in found.parts), *(helper.after for helper in rows.helpers))
    raw = rows.fresh("raw_rows")
    table = found.prepared.table
    keep = f'{raw} = getattr({table}, "copy", lambda: {table})()  # as they come, for the endpoint'
    _keep(cells, rows, found.prepared, keep)
    whole = _add(found.prepared, rows, Made(*map(str, made)), raw, place)
    found.model, found.features, found.train_features = whole
    found.notes.append(_note(cells, found.prepared, whole.model))
    return True


def _keep(cells: list[Code], rows: Rows, preparation: Prepared, line: str) -> None:
    """Keep the rows where they are as they come."""
    if preparation.line is None:
        rows.helpers.append(Helper(preparation.after, line))
        return
    code = cells[preparation.after]
    lines = code.source.split("\n")
    lines.insert(preparation.line - 1, line)
    cells[preparation.after] = code.with_source("\n".join(lines))


def _note(cells: Sequence[Code], preparation: Prepared, model: str) -> str:
    done = sorted({cells[at].number for at, _ in preparation.statements})
    named = f"cell {done[0]} does" if len(done) == 1 else f"cells {', '.join(map(str, done))} do"
    place = f"after cell {cells[preparation.after].number}"
    if preparation.line is not None:
        place = f"in line {preparation.line} of cell {cells[preparation.after].number}"
    return (
        f"What {named} to all rows is a part of `{model}`, in a cell that is added: the endpoint takes rows of "
        f"`{preparation.table}` as they are {place}. Each run proves that one row comes out as all of them do; where "
        f"it does not, the cell says so, and the endpoint takes rows as they are prepared."
    )


def _add(preparation: Prepared, rows: Rows, made: Made, raw: str, place: int) -> Made:
    """Add the cell after the one at position `place`; the variables with what an endpoint takes."""
    names = {name: rows.fresh(name) for _, name in _IMPORTS}
    imports = [f"from {module} import {imported_as(name, names[name])}" for module, name in _IMPORTS]
    fitted, columns, error = (rows.fresh(word) for word in ("prepared_rows", "needed_columns", "error"))
    whole = Made(rows.fresh("served_model"), rows.fresh("raw_held_out"), rows.fresh("raw_train"))
    context = {
        "imports": "\n".join(imports),
        "base": f"{names['TransformerMixin']}, {names['BaseEstimator']}",
        "make_pipeline": names["make_pipeline"],
        "name": rows.fresh("PreparedRows"),
        "table": preparation.table,
        "body": preparation.body,
        "text": "\n".join(preparation.body),
        "raw": raw,
        "fitted": fitted,
        "split": _split(preparation, raw, fitted, made),
        "columns": columns,
        "error": error,
        "says": SAYS,
        "made": made,
        "whole": whole,
    }
    source = render_folder("promotion", context)[_FILE]
    rows.helpers.append(Helper(place, source.rstrip("\n")))
    return whole


def _split(preparation: Prepared, raw: str, fitted: str, made: Made) -> str:
    """The code that parts the rows into those of the training and the others."""
    if preparation.split is None:
        return f"{raw}.loc[{made.train}.index], {raw}.loc[{made.held_out}.index]"
    settings = ", ".join(f"{each.arg}={ast.unparse(each.value)}" for each in preparation.split.keywords if each.arg)
    return f"{ast.unparse(preparation.split.func)}({fitted}.rows_, {settings})"
