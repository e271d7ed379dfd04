"""What was found in a notebook, as text."""

from __future__ import annotations

from collections.abc import Iterator

from mvops.notebook.finding import Finding
from mvops.usecases.preflight import Preflight

Line = tuple[str, str]
_STYLES = {"error": "red", "warning": "yellow", "note": ""}


def preflight_lines(made: Preflight) -> Iterator[Line]:
    """Each finding with its line and its remedy; then how many there are, and what promote would make."""
    for each in made.found.findings:
        yield from _finding(each)
    yield _counted(made), "red" if made.prevented else ""
    if made.found.promotion is not None:
        promotion = made.found.promotion
        outputs = ", ".join(f"{role} {name}" for role, name in promotion.config["pipeline"]["outputs"].items())
        yield f"Promoted, it would have the steps {', '.join(promotion.steps)}; {outputs or 'no model was found'}.", ""


def _finding(each: Finding) -> Iterator[Line]:
    where = f"{each.notebook}: " if each.notebook else ""
    yield f"{each.severity:<7}  {each.kind.replace('_', ' ')}: {where}{each.message}", _STYLES[each.severity]
    if each.source:
        place = f"cell {each.cell}" + (f", line {each.line}" if each.line else "")
        yield f"         {place}:  {each.source}", "dim"
    if each.remedy:
        yield f"         {each.remedy}", ""


def _counted(made: Preflight) -> str:
    found = made.found.findings
    counts = [(sum(each.severity == kind for each in found), kind) for kind in _STYLES]
    told = ", ".join(f"{number} {kind}{'s' if number != 1 else ''}" for number, kind in counts if number)
    verdict = "cannot be promoted" if made.prevented else "can be promoted"
    names = ", ".join(path.name for path in made.notebooks)
    together = " as one pipeline" if len(made.notebooks) > 1 else ""
    return f"{names} {verdict}{together}: {told or 'nothing was found'}."
