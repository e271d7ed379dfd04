"""Promotion with proof: run the original notebook and the promoted steps, and compare every number that they show."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

from mvops.core.run import StepRun
from mvops.errors import NotebookError, Where
from mvops.notebook.cells import parse_cell
from mvops.notebook.document import Document, read_documents, text
from mvops.notebook.estimators import draws, last_part
from mvops.notebook.matching import Difference, MetricRow, cell_number, compare_cells, match_cells, metric_rows
from mvops.notebook.original import Ran, run_originals
from mvops.notebook.places import Places, told_cell
from mvops.notebook.predicted import Predictions, agree, answer
from mvops.notebook.process_state import dotted, sets_seed
from mvops.notebook.read import read_notebook
from mvops.notebook.results import PipelineJob, StepProgress, Store
from mvops.notebook.run import run_pipeline
from mvops.notebook.shown import TOLERANCE, shown_numbers
from mvops.notebook.slices import slice_notebooks
from mvops.notebook.unprepared import about_unprepared
from mvops.notebook.watched import QUESTION, asked_pipeline, own_cells, watched
from mvops.notebook.written import Folder, WrittenFile, compare_written

Verdict = Literal["equal", "different", "not_comparable"]
OnProgress = Callable[[StepProgress], None]
_SPLITS = {"train_test_split", "sample", "shuffle", "resample"}
_MOST_RUNS = 4  # of an original that draws unseeded, before what differs counts
_SEEDS = {"random_state", "seed", "random_seed"}


class Drawing(NamedTuple):
    """A call that draws unseeded, and the number of its cell."""

    cell: int
    call: str


@dataclass(frozen=True)
class Verification:
    """What the comparison found.

    `equal`: every number in every cell is the same, the model predicts the same for its held-out rows, and the files
    that are written are the same. `not_comparable`: they differ, but so does the original from itself (`reason`,
    `unseeded`). `numbers` is how many were compared, in `cells` cells, and
    `tolerance` by how much, relatively, two of them or two predictions may differ and count as the same.
    """

    verdict: Verdict
    reason: str
    differences: tuple[Difference, ...]
    metrics: tuple[MetricRow, ...]
    predictions: Predictions
    files: tuple[WrittenFile, ...]
    unseeded: tuple[str, ...]
    tolerance: float
    cells: int
    numbers: int
    original_seconds: float
    promoted_seconds: float
    unprepared: str | None = None  # why the endpoint cannot take rows as they come

    def as_json(self) -> dict[str, Any]:
        """The same as plain JSON values; a number that is not finite is written as text."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)), parse_constant=str)
        return plain


def verify(  # noqa: PLR0913 -- what is compared, where it runs, and how near is the same
    originals: Sequence[Path],
    job: PipelineJob,
    *,
    store: Store,
    cache_dir: Path,
    work_dir: Path,
    on_progress: OnProgress | None = None,
    tolerance: float = TOLERANCE,
) -> Verification:
    """Run the originals as they are, one after the other in their own folders, then the promoted steps, and compare.

    The originals' files are only read. Raises NotebookError if an original does not run, and what `run_pipeline`
    raises if a promoted notebook does not.
    """
    tell = on_progress or (lambda _: None)
    folder = Folder(job.root)
    documents = read_documents(job.notebooks, job.root)
    asked_in = _asked_in(documents, job)
    notebooks = [
        watched(json.loads(json.dumps(read_notebook(path))), json.loads(made.read_bytes()), outputs)
        for at, (path, made) in enumerate(zip(originals, job.notebooks, strict=True))
        for outputs in [job.outputs if at == asked_in else {}]
    ]
    places = Places.of([path.name for path in originals], [len(own_cells(notebook)) for notebook in notebooks])

    run = partial(run_originals, notebooks, originals, job, tell, folder)
    first = run()
    fresh = replace(job, use_cache=False)  # a proof of what was found before would be none
    with asked_pipeline(fresh, work_dir, asked_in) as asked:
        result = run_pipeline(asked, store=store, cache_dir=cache_dir, work_dir=work_dir, on_progress=on_progress)
        executed = [_executed(document, result.steps, store) for document in read_documents(asked.notebooks, job.root)]
    cells = [
        cell for at, own in enumerate(executed) for cell in places.number(_promoted_cells(job.notebooks[at], own), at)
    ]
    answered = next((found for own in executed if (found := answer(own)) is not None), None)
    promoted = Ran(cells, answered, folder.changed(), result.seconds)
    return replace(
        _compared(first, promoted, run, tolerance, places),
        unprepared=about_unprepared(job.notebooks, result.steps, store),
    )


def _asked_in(documents: Sequence[Document], job: PipelineJob) -> int:
    """The notebook, by its place, at whose end the model and its rows are there."""
    if len(documents) == 1:
        return 0
    wanted = {job.outputs.get("model"), job.outputs.get("features")}
    return max(
        (each.book for each in slice_notebooks(documents, job.outputs, job.root) if each.outputs & wanted), default=0
    )


def _compared(
    first: Ran, promoted: Ran, run_again: Callable[[], Ran], tolerance: float, places: Places
) -> Verification:
    """The two side by side; the original runs once more where something differs."""
    pairs = match_cells(first.cells, promoted.cells)
    differences = tuple(found for pair in pairs if (found := compare_cells(*pair, tolerance)))
    predictions = agree(first.answer, promoted.answer, tolerance)
    files = tuple(_handed(each, first.cells, places) for each in compare_written(first.files, promoted.files))
    unseeded = tuple(call for _, own in places.apart(first.cells) for call in unseeded_calls(own))
    numbers = sum(len(shown_numbers(cell)) for cell, _ in pairs)
    verdict: Verdict = "equal"
    reason = "" if numbers or predictions.rows else "no cell of the pipeline shows a number"
    if differences or predictions.different or any(file.wrong for file in files):
        again = run_again()
        predictions = replace(predictions, stable=not agree(first.answer, again.answer, tolerance).different)
        files = tuple(replace(f, stable=first.files[f.path] == again.files.get(f.path)) for f in files)
        if differences:
            originals = [first.cells, again.cells]
            differences, verdict, reason = _judge(differences, originals, unseeded, tolerance, places)
            while verdict == "different" and len(originals) < _MOST_RUNS and _drawn_before(differences, unseeded):
                originals.append(run_again().cells)
                differences, verdict, reason = _judge(differences, originals, unseeded, tolerance, places)
        elif (predictions.different and predictions.stable) or any(file.wrong for file in files):
            verdict = "different"
        else:
            verdict, reason = "not_comparable", "the original predicts otherwise, or writes other files, at each run"
    return Verification(
        verdict=verdict,
        reason=reason,
        differences=tuple(places.put(each) for each in differences),
        metrics=tuple(places.put(row) for pair in pairs for row in metric_rows(*pair, tolerance)),
        predictions=predictions,
        files=files,
        unseeded=_told(unseeded, places),
        tolerance=tolerance,
        cells=len(pairs),
        numbers=numbers,
        original_seconds=first.seconds,
        promoted_seconds=promoted.seconds,
    )


def _handed(file: WrittenFile, cells: Sequence[dict[str, Any]], places: Places) -> WrittenFile:
    """Is it named in more than one notebook."""
    name = Path(file.path).name
    naming = {book for book, own in places.apart(cells) if any(name in text(cell["source"]) for cell in own)}
    return replace(file, handed=len(naming) > 1)


def unseeded_in(path: Path) -> tuple[str, ...]:
    """The same of a notebook's file."""
    cells: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    for number, cell in enumerate(cells, start=1):
        cell["metadata"] = {"mvops": {"cell": number}}
    return _told(unseeded_calls(cells), Places.of([path.name], [len(cells)]))


def unseeded_calls(cells: Sequence[dict[str, Any]]) -> tuple[Drawing, ...]:
    """Calls that draw random numbers which no seed fixes, in the order of the cells."""
    found: list[Drawing] = []
    for cell in cells:
        if cell["cell_type"] != "code":
            continue
        try:
            calls = [node for node in ast.walk(parse_cell(text(cell["source"])).tree) if isinstance(node, ast.Call)]
        except NotebookError:
            continue
        if any(sets_seed(call) for call in calls):
            return tuple(found)
        found += [Drawing(cell_number(cell), last_part(call.func)) for call in calls if draws(call) or _splits(call)]
    return tuple(dict.fromkeys(found))


def _told(unseeded: Iterable[Drawing], places: Places) -> tuple[str, ...]:
    return tuple(f"{told_cell(*places.place(each.cell))}: {each.call}" for each in unseeded)


def _splits(call: ast.Call) -> bool:
    name = last_part(call.func) or (call.func.attr if isinstance(call.func, ast.Attribute) else "")
    given = {keyword.arg for keyword in call.keywords}
    if dotted(call.func).startswith(("np.random.", "numpy.random.", "random.")):
        return name not in {"default_rng", "RandomState", "Random", "Generator"} or not (call.args or call.keywords)
    return name in _SPLITS and not given & _SEEDS and None not in given


def _judge(
    differences: tuple[Difference, ...],
    originals: Sequence[Sequence[dict[str, Any]]],
    unseeded: Sequence[Drawing],
    tolerance: float,
    places: Places,
) -> tuple[tuple[Difference, ...], Verdict, str]:
    """Tell differences that promotion made from those that the original has with itself."""
    unstable = {
        cell_number(one)
        for again in originals[1:]
        for one, other in zip(originals[0], again, strict=True)
        if one["cell_type"] == "code" and compare_cells(one, other, tolerance)
    }
    varies = bool(unstable)
    # Chance may show the same twice, of a few numbers: a cell that draws unseeded and differs is one that varies.
    unstable |= {each.cell for each in differences} & {each.cell for each in unseeded}
    told = tuple(
        Difference(each.cell, each.source, each.original, each.promoted, stable=each.cell not in unstable)
        for each in differences
    )
    # Nothing counts after a cell that varies, in a notebook that draws unseeded.
    doubtful = min(unstable) if unstable and unseeded else None
    real = [each for each in told if each.stable and (doubtful is None or each.cell < doubtful)]
    if real:
        return told, "different", ""
    cells = places.listed(sorted(unstable))
    cause = f"; unseeded: {', '.join(_told(unseeded, places))}" if unseeded else ""
    what = "the original shows other numbers each time it is run" if varies else "what differs is drawn without a seed"
    return told, "not_comparable", f"{what} ({cells}){cause}"


def _drawn_before(differences: Sequence[Difference], unseeded: Sequence[Drawing]) -> bool:
    """May all that differs come from what was drawn: then the original has a few more chances to show that."""
    return bool(unseeded) and min(each.cell for each in unseeded) <= min(each.cell for each in differences)


def _executed(document: Document, steps: Sequence[StepRun], store: Store) -> list[dict[str, Any]]:
    """All cells that a notebook's steps ran, in order."""
    books = [step.notebook for step in steps if step.step in document.steps]
    return [cell for sha256 in books if sha256 for cell in json.loads(store.read_bytes(sha256))["cells"]]


def _promoted_cells(path: Path, executed: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The user's cells of all executed steps; of one that ran in several steps, the first time counts."""
    cells: dict[int, dict[str, Any]] = {}
    for cell in executed:
        number = cell["metadata"].get("mvops", {}).get("cell")
        is_code = cell["cell_type"] == "code" and "parameters" not in cell["metadata"].get("tags", [])
        if number is not None and is_code and f"step:{QUESTION}" not in cell["metadata"].get("tags", []):
            cells.setdefault(number, cell)
    if not cells:
        raise NotebookError("The promoted notebook ran no cell.", where=Where(path))
    return [cells[number] for number in sorted(cells)]
