"""What became of outcomes that were imported."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mvops.usecases.predictions import Imported

_SHOWN = 5  # ids


def imported_lines(model: str, source: Path, found: Imported) -> Iterator[str]:
    """How many were taken, and which of them contradict what is known."""
    unknown = f", {found.unknown} for predictions that are not in the log" if found.unknown else ""
    known = f", {found.repeated} known already" if found.repeated else ""
    yield f"{found.accepted} outcome{'' if found.accepted == 1 else 's'} taken{known}{unknown}"
    if not found.contradicted:
        return
    count, more = len(found.contradicted), len(found.contradicted) - _SHOWN
    named = ", ".join(found.contradicted[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
    if found.replaced:
        yield f"{count} replaced what was known: {named}"
        yield f"Their windows are judged again by the next: mvops monitor {model}"
    else:
        yield f"{count} contradict what is known, which stays: {named}"
        yield f"To correct it: mvops outcomes import {model} {source} --replace"
