"""A notebook: what `mvops promote` does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat

from mvops.core.naming import suggest_name
from mvops.errors import UsageError
from mvops.notebook.promotion import Promotion, promote
from mvops.sources.source import Asked, Taken, checked_name, file_of, shown
from mvops.workspace import Workspace


class NotebookSource:
    """It is read, and never changed."""

    looks_like = "NOTEBOOK.ipynb, as `mvops promote` does"

    def recognises(self, asked: Asked, workspace: Workspace) -> bool:
        """By its name."""
        return asked.source.endswith(".ipynb") and file_of(asked, workspace) is not None

    def take(self, asked: Asked, workspace: Workspace) -> Taken:
        """Promote it. Raises NotebookError for what cannot be promoted."""
        path = file_of(asked, workspace)
        assert path is not None
        name = checked_name(asked.name) if asked.name else suggest_name(path.stem)
        refuse_known(workspace, name)
        found = promote(path, root=workspace.root, name=name)
        typed = shown(path, workspace)
        return Taken(
            name,
            f"the notebook {typed}",
            f"{typed} is the pipeline of {name}, in {len(found.steps)} steps: {', '.join(found.steps)}",
            files=promoted_files(found),
            draft=found.config,
            notes=tuple(found.notes),
            after=(f"mvops promote {typed} --name {name} --force --verify", "mvops plan", "mvops apply"),
            missing=found.missing,
        )


def refuse_known(workspace: Workspace, name: str) -> None:
    """Raises UsageError for the name of a model that is there, and for its pipeline's."""
    for path in (Path("configs/models") / f"{name}.yaml", Path("pipelines") / f"{name}.ipynb"):
        if (workspace.root / path).exists():
            raise UsageError(f"there is a model {name} already ({path.as_posix()})", hint="Another name: --name NAME")


def promoted_files(found: Promotion) -> dict[str, bytes]:
    """The promoted notebook in its place."""
    content: Any = nbformat.writes(found.notebook)  # type: ignore[no-untyped-call]
    return {found.config["pipeline"]["notebook"]: str(content).encode()}
