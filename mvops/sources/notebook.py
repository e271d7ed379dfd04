"""A notebook: what `mvops promote` does."""

from __future__ import annotations

from pathlib import Path

import nbformat

from mvops.atomic import content_at
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
        found = promote(path, root=workspace.root, name=name)
        typed = shown(path, workspace)
        if _is_here(found, workspace):
            return Taken(name, f"the notebook {typed}", f"{typed} is the pipeline of {name} here already", already=True)
        files = promoted_files(found, workspace)
        return Taken(
            name,
            f"the notebook {typed}",
            f"{typed} is the pipeline of {name}, in {len(found.steps)} steps: {', '.join(found.steps)}",
            files=files,
            draft=found.config,
            notes=tuple(found.notes),
            after=(f"mvops promote {typed} --name {name} --force --verify", "mvops plan", "mvops apply"),
            missing=found.missing,
        )


def _is_here(found: Promotion, workspace: Workspace) -> bool:
    path, content, config = _promoted(found)
    return (workspace.root / config).exists() and content_at(workspace.root / path) == content


def _promoted(found: Promotion) -> tuple[Path, bytes, Path]:
    """Where the promoted notebook goes, what it holds, and where the model's YAML goes."""
    path = Path(found.config["pipeline"]["notebook"])
    content = str(nbformat.writes(found.notebook)).encode()  # type: ignore[no-untyped-call]
    return path, content, Path("configs/models") / f"{path.stem}.yaml"


def promoted_files(found: Promotion, workspace: Workspace) -> dict[str, bytes]:
    """The promoted notebook in its place. Raises UsageError where that, or the YAML, is there and another model's."""
    path, content, config = _promoted(found)
    known = [config] if (workspace.root / config).exists() else []
    if content_at(workspace.root / path) not in {None, content}:
        known.append(path)
    if known:
        raise UsageError(f"there is a model {path.stem} already ({known[0]})", hint="Another name: --name NAME")
    return {path.as_posix(): content}
