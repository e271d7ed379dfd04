"""Opening the project that a command is about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mvops import backends
from mvops.kinds.kind import Look
from mvops.loading.find import find_project
from mvops.loading.load import load_project
from mvops.registry.state import SqlState
from mvops.workspace import Workspace, open_workspace


@contextmanager
def open_project(start: Path, overrides: Sequence[str] = ()) -> Iterator[Workspace]:
    """The project in `start` or above it, with the YAML read and checked, the registry and the store opened.

    Raises UsageError outside a project, SpecError for a mistake in the YAML, RegistryError.
    """
    root = find_project(start)
    with open_workspace(root, load_project(root, overrides), backends.load) as workspace:
        yield workspace


def look_at(workspace: Workspace) -> Look:
    """What kinds may look at, as of now."""
    return Look(workspace=workspace, records=SqlState(workspace.registry).records(), backend=workspace.backend)
