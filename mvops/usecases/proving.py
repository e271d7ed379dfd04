"""The proof of a promotion, and what becomes of a split that does not hold: each notebook stays in one step."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from mvops.atomic import write_atomically
from mvops.core.progress import Progress, Tell, silent
from mvops.errors import MvopsError, UsageError
from mvops.notebook.kernels import Asked
from mvops.notebook.results import PipelineJob, StepFailedError, StepProgress
from mvops.notebook.shown import TOLERANCE
from mvops.notebook.verify import Verification
from mvops.notebook.verify import verify as compare
from mvops.registry.events import record_event
from mvops.usecases.promote import Promoted, promote
from mvops.workspace import Workspace


@dataclass(frozen=True)
class Proved:
    """What was promoted in the end and its proof; `why_whole` says why it is not in steps, where it was."""

    made: Promoted
    proof: Verification
    why_whole: str = ""


def prove(
    workspace: Workspace,
    made: Promoted,
    *,
    may_join: bool = False,
    tolerance: float = TOLERANCE,
    tell: Tell = silent,
) -> Proved:
    """Verify it. One in steps which fails there, or shows other numbers, is promoted again as one if it `may_join`.

    Raises as `verify`.
    """
    may_join = may_join and len(made.found.steps) > len(made.notebooks)
    try:
        proof = verify(workspace, made, tolerance=tolerance, tell=tell)
    except StepFailedError as error:
        if not may_join:
            raise
        why = error.message
    else:
        if proof.verdict != "different" or not may_join:
            return Proved(made, proof)
        why = _why(proof)
    whole = promote(workspace, made.originals, name=made.name, split="none", force=True)
    whole = replace(whole, replaced=made.replaced)
    return Proved(whole, verify(workspace, whole, tolerance=tolerance, tell=tell), why)


def _why(proof: Verification) -> str:
    """The first difference, in words."""
    if proof.differences:
        first = proof.differences[0]
        return f"cell {first.cell} shows {first.promoted} and not {first.original}"
    if proof.predictions.different:
        return f"{proof.predictions.different} of {proof.predictions.rows} predictions differ"
    return next(f"{file.path} is {file.said}" for file in proof.files if file.wrong)


def verify(workspace: Workspace, made: Promoted, *, tolerance: float = TOLERANCE, tell: Tell = silent) -> Verification:
    """Run the original and the promoted pipeline on the same inputs and compare every number that they show.

    Numbers and predictions may differ by the relative `tolerance`; UsageError if it is none. When one of them does not
    run, what `promote` has just written for the first time is taken away again, and the error is raised.
    """
    check_tolerance(tolerance)
    pipeline = made.found.config["pipeline"]
    first, *later = (workspace.root / book for book in made.notebooks)
    job = PipelineJob(
        notebook=first,
        later=tuple(later),
        root=workspace.root,
        parameters=pipeline.get("parameters", {}),
        inputs=pipeline.get("inputs", {}),
        outputs=pipeline["outputs"],
        yaml_key=f"models.{made.name}.pipeline.inputs",
        timeout=made.timeout,
        memory=made.memory,
        asked=Asked.of(workspace.root, pipeline.get("kernel"), pipeline.get("python")),
    )

    def on_progress(progress: StepProgress) -> None:
        share = progress.cells_done / progress.cells if progress.cells else 0.0
        tell(Progress(what=f"verify: {progress.step}", done=progress.index + share, total=progress.total))

    try:
        proof = compare(
            made.originals,
            job,
            store=workspace.store,
            cache_dir=workspace.cache,
            work_dir=workspace.work,
            on_progress=on_progress,
            tolerance=tolerance,
        )
    except MvopsError:
        if not made.replaced:
            for written in (*made.notebooks, made.config):
                (workspace.root / written).unlink(missing_ok=True)
            workspace.remarks.append(f"{', '.join(made.notebooks)} and {made.config} were taken away again")
        raise
    if proof.unprepared is not None:
        workspace.remarks.append(proof.unprepared)
    record_event(workspace.registry, "promote", made.name, f"verified: {proof.verdict.replace('_', ' ')}")
    return proof


def check_tolerance(tolerance: float) -> None:
    """Raise UsageError for what is no relative difference that may be."""
    if not 0 <= tolerance < 1:
        raise UsageError(
            f"the tolerance {tolerance:g} is no relative difference: it lies between 0 and 1",
            hint=f"Such as 1e-6, a millionth of the number. Without it: {TOLERANCE:g}",
        )


def keep_report(workspace: Workspace, made: Promoted, proof: Verification, page: str) -> str:
    """Keep the page, and the same as JSON beside it; returns the page's path below the project."""
    place = workspace.hidden / "reports" / f"promotion-{made.name}.html"
    write_atomically(place, page.encode())
    found = json.dumps(made.as_json() | {"verification": proof.as_json()}, indent=2, default=str)
    write_atomically(place.with_suffix(".json"), f"{found}\n".encode())
    return place.relative_to(workspace.root).as_posix()
