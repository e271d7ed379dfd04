"""Notebooks that are asked what their model predicts: the original at its end, the promoted one in a step more."""

from __future__ import annotations

import copy
import json
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from mvops.errors import MvopsError
from mvops.notebook.building import KEPT
from mvops.notebook.document import text
from mvops.notebook.predicted import question
from mvops.notebook.results import PipelineJob

QUESTION = "mvops_predictions"  # the step that asks


def watched(original: Mapping[str, Any], promoted: Mapping[str, Any], outputs: Mapping[str, str]) -> dict[str, Any]:
    """The original with what promotion keeps of it, and the question at its end.

    Every cell of the original's own has its place among them, from 1, as `metadata.mvops.cell`; the others have none.
    """
    asked = question(outputs)
    book: dict[str, Any] = copy.deepcopy(dict(original))
    for number, cell in enumerate(book["cells"], start=1):
        cell["metadata"]["mvops"] = {**cell["metadata"].get("mvops", {}), "cell": number}
    if asked is None:
        return book
    parameters = next((_source(c) for c in promoted["cells"] if "parameters" in c["metadata"].get("tags", [])), "")
    kept = _kept(promoted)
    cells: list[dict[str, Any]] = []
    for at, cell in enumerate(book["cells"]):
        cells.append(cell)
        cells += [_ours(_keeping(source, parameters)) for source in kept.get(at, ())]
    book["cells"] = [*cells, _ours(asked)]
    return book


def own_cells(executed: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The original's own cells of one that was watched."""
    return [cell for cell in executed["cells"] if "cell" in cell["metadata"].get("mvops", {})]


@contextmanager
def asked_pipeline(job: PipelineJob, work_dir: Path, at: int = 0) -> Iterator[PipelineJob]:
    """The job with a last step in its notebook at a place that asks the model; where it cannot be asked, as it is.

    The notebook with that step is another file while this lasts. Errors name the notebook.
    """
    promoted = job.notebooks[at]
    asked = question(job.outputs)
    if asked is None:
        yield job
        return
    book = json.loads(promoted.read_text(encoding="utf-8"))
    cell = _ours(asked) | {"id": "mvops-predictions"}
    cell["metadata"]["tags"] = [f"step:{QUESTION}"]
    book["cells"].append(cell)
    folder = work_dir / f"asked-{uuid.uuid4().hex[:8]}"
    folder.mkdir(parents=True)
    path = folder / promoted.name
    path.write_text(json.dumps(book), encoding="utf-8")
    try:
        books = [*job.notebooks[:at], path, *job.notebooks[at + 1 :]]
        yield replace(job, notebook=books[0], later=tuple(books[1:]))
    except MvopsError as error:
        if error.where is not None and error.where.file == path:
            error.where = replace(error.where, file=promoted)
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _kept(promoted: Mapping[str, Any]) -> dict[int, list[str]]:
    """Place of a cell in the original, from 0 -> what promotion put after it."""
    found: dict[int, list[str]] = {}
    at = 0
    for cell in promoted["cells"]:
        at = next((n for n in [cell["metadata"].get("mvops", {}).get("original_cell")] if isinstance(n, int)), at)
        if str(cell.get("id", "")).startswith(KEPT):
            found.setdefault(at, []).append(_source(cell))
    return found


def _keeping(source: str, parameters: str) -> str:
    """A cell that keeps rows as promotion does, and touches no other name; parameters have names in it alone."""
    return f"""\
mvops_names = {{}}
try:
    exec({parameters!r}, mvops_names)
    mvops_names.update(globals())
    mvops_before = dict(mvops_names)
    exec({source!r}, mvops_names)
    globals().update({{n: v for n, v in mvops_names.items() if n not in mvops_before}})
except Exception:
    pass
"""


def _source(cell: Mapping[str, Any]) -> str:
    return text(cell["source"])


def _ours(source: str) -> dict[str, Any]:
    return {
        "id": uuid.uuid4().hex[:8],
        "cell_type": "code",
        "metadata": {},
        "source": source,
        "outputs": [],
        "execution_count": None,
    }
