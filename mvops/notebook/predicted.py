"""What the model answers for its held-out rows, asked in the kernel that has both, and whether two answers agree."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mvops.notebook.document import text
from mvops.notebook.shown import TOLERANCE, equal

_SIGN = "mvops-predictions "
_MOST = 20_000  # rows that are compared
_SHOWN = 3


@dataclass(frozen=True)
class Predictions:
    """The model's predictions for the same held-out rows, from the original and from the promoted pipeline.

    `rows` were compared, of which `different` differ; `examples` says how, for the first of them. With a `reason`
    nothing could be compared. `stable` is False where the original predicts otherwise each time.
    """

    rows: int = 0
    different: int = 0
    examples: tuple[str, ...] = ()
    reason: str = ""
    stable: bool | None = None


def question(outputs: Mapping[str, str]) -> str | None:
    """A cell's source that prints the predictions; None where no model or no held-out rows are known."""
    model, features = outputs.get("model"), outputs.get("features")
    if model is None or features is None:
        return None
    return f"""\
import json as mvops_json

try:
    mvops_found = __import__("numpy").asarray({model}.predict({features}))
    mvops_told = {{"rows": len(mvops_found), "values": mvops_found[:{_MOST}].tolist()}}
except Exception as mvops_error:
    mvops_told = {{"reason": type(mvops_error).__name__ + ": " + str(mvops_error)[:200]}}
print({_SIGN!r} + mvops_json.dumps(mvops_told, default=str))
"""


def answer(cells: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    """What an executed `question` printed, wherever it stands among the cells."""
    for cell in cells:
        for output in cell.get("outputs", []):
            said = text(output.get("text", "")) if output["output_type"] == "stream" else ""
            if said.startswith(_SIGN):
                found: dict[str, Any] = json.loads(said.removeprefix(_SIGN))
                return found
    return None


def agree(
    original: dict[str, Any] | None, promoted: dict[str, Any] | None, tolerance: float = TOLERANCE
) -> Predictions:
    """Compare two answers, row by row; numbers may differ by the relative `tolerance`."""
    if original is None and promoted is None:
        return Predictions(reason="the model or its held-out rows are not known")
    for who, found in (("the original notebook", original), ("the promoted pipeline", promoted)):
        if found is None or "reason" in found:
            why = f": {found['reason']}" if found else ""
            return Predictions(reason=f"{who} gave no predictions{why}")
    assert original is not None
    assert promoted is not None
    left, right = original["values"], promoted["values"]
    if original["rows"] != promoted["rows"]:
        said = f"{original['rows']} held-out rows != {promoted['rows']}"
        return Predictions(min(len(left), len(right)), abs(original["rows"] - promoted["rows"]), (said,))
    wrong = [row for row, pair in enumerate(zip(left, right, strict=True)) if not _same(*pair, tolerance)]
    examples = tuple(f"row {row + 1}: {left[row]} != {right[row]}" for row in wrong[:_SHOWN])
    return Predictions(len(left), len(wrong), examples)


def _same(left: Any, right: Any, tolerance: float) -> bool:
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(_same(*pair, tolerance) for pair in zip(left, right, strict=True))
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (left, right))
    return equal(left, right, tolerance) if numbers else bool(left == right)
