"""What `mvops init` made, what it switched on, and what it left for later."""

from __future__ import annotations

from collections.abc import Iterator

from mvops.core.cells import WORDS
from mvops.usecases.init import Created


def created_lines(created: Created) -> Iterator[str]:
    """The files, then two sentences."""
    folder = created.root.resolve().name
    there = "" if folder == created.name else f" in {folder}"
    yield f"Made the project {created.name}{there} from the preset {created.preset}:"
    yield from (f"  {path}" for path in created.files)
    yield "On now: " + "; ".join(f"{name} ({WORDS[name][0]})" for name in created.on) + "."
    if created.later:
        left = "; ".join(f"{name} in {phase}, as {WORDS[name][1]}" for name, phase in created.later)
        yield f"Left for later: {left}."
