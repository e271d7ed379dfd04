"""The proof of a promotion, and what becomes of a split that does not hold: the notebook stays in one step."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mvops.core.progress import Tell, silent
from mvops.notebook.results import StepFailedError
from mvops.notebook.shown import TOLERANCE
from mvops.notebook.verify import Verification
from mvops.usecases.promote import Promoted, promote, verify
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
    may_join = may_join and len(made.found.steps) > 1
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
    whole = promote(workspace, made.original, name=made.name, split="none", force=True)
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
