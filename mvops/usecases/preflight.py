"""What is to be known of notebooks before they are promoted. Nothing is written, and no project is needed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mvops.core.naming import suggest_name
from mvops.errors import MvopsError, NotebookError
from mvops.loading.find import find_project
from mvops.notebook.check import Checked, check_several
from mvops.notebook.check import check as look_through
from mvops.notebook.several import check_once


@dataclass(frozen=True)
class Preflight:
    """The notebooks as they were typed, and what was found in them."""

    notebooks: tuple[Path, ...]
    found: Checked

    @property
    def prevented(self) -> bool:
        """Does anything prevent promotion."""
        return any(each.severity == "error" for each in self.found.findings)

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        made = self.found.promotion
        pipeline = made.config["pipeline"] if made else {}
        typed = [path.as_posix() for path in self.notebooks]
        return {
            **({"notebook": typed[0]} if len(typed) == 1 else {"notebooks": typed}),
            "promotable": not self.prevented,
            "findings": [each.as_json() for each in self.found.findings],
            "steps": made.steps if made else [],
            "outputs": pipeline.get("outputs", {}),
        }


def check(start: Path, notebooks: Sequence[Path], *, name: str | None = None) -> Preflight:
    """Read the notebooks, as typed from `start` or the project there. Raises NotebookError where one is not there.

    Several are read as one pipeline; UsageError where two are the same.
    """
    try:
        root = find_project(start)
    except MvopsError:  # no project is needed
        root = None
    paths = [_place(notebook, root) for notebook in notebooks]
    check_once(paths, notebooks)
    where = (root or _common(paths)).resolve()
    if len(paths) == 1:
        found = look_through(paths[0], root=where, name=name or suggest_name(paths[0].stem))
    else:
        found = check_several(paths, root=where, name=name or "pipeline")
    return Preflight(tuple(notebooks), found)


def _place(notebook: Path, root: Path | None) -> Path:
    places = [notebook, *([root / notebook] if root else [])]
    path = next((place.resolve() for place in places if place.is_file()), None)
    if path is None:
        raise NotebookError(f"there is no notebook {notebook}", hint="Check the path; it is taken from this folder.")
    return path


def _common(paths: Sequence[Path]) -> Path:
    """The folder that all of them are in."""
    return Path(os.path.commonpath([path.parent for path in paths]))
