"""What is to be known of a notebook before it is promoted. Nothing is written, and no project is needed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mvops.core.naming import suggest_name
from mvops.errors import MvopsError, NotebookError
from mvops.loading.find import find_project
from mvops.notebook.check import Checked
from mvops.notebook.check import check as look_through


@dataclass(frozen=True)
class Preflight:
    """The notebook as it was typed, and what was found in it."""

    notebook: Path
    found: Checked

    @property
    def prevented(self) -> bool:
        """Does anything prevent promotion."""
        return any(each.severity == "error" for each in self.found.findings)

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        made = self.found.promotion
        pipeline = made.config["pipeline"] if made else {}
        return {
            "notebook": self.notebook.as_posix(),
            "promotable": not self.prevented,
            "findings": [each.as_json() for each in self.found.findings],
            "steps": made.steps if made else [],
            "outputs": pipeline.get("outputs", {}),
        }


def check(start: Path, notebook: Path, *, name: str | None = None) -> Preflight:
    """Read the notebook, as typed from `start` or the project there. Raises NotebookError where there is none."""
    try:
        root = find_project(start)
    except MvopsError:  # no project is needed
        root = None
    places = [notebook, *([root / notebook] if root else [])]
    path = next((place.resolve() for place in places if place.is_file()), None)
    if path is None:
        raise NotebookError(f"there is no notebook {notebook}", hint="Check the path; it is taken from this folder.")
    found = look_through(path, root=(root or path.parent).resolve(), name=name or suggest_name(path.stem))
    return Preflight(notebook, found)
