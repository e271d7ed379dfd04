"""Opening the project that a command is about."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mvops import backends
from mvops.errors import MvopsError, NotebookError
from mvops.kinds.kind import Look
from mvops.loading.find import find_project
from mvops.loading.load import load_project, load_sound, place_of
from mvops.registry.state import SqlState
from mvops.witness import spoil
from mvops.workspace import Workspace, open_workspace

# What makes text of what it is handed; and what else looks at nothing that is not on a plan's list: see `witness`.
_ONLY_TEXTS = frozenset({"servers", "schedulers", "dashboards", "ci_systems"})
_ONLY_FILES = frozenset({("data_versioners", "dvc"), ("data_versioners", "local"), ("trackers", "local")})


@contextmanager
def open_project(start: Path, overrides: Sequence[str] = (), environment: str | None = None) -> Iterator[Workspace]:
    """The project in `start` or above it, in this environment: YAML read and checked, registry and store opened.

    Raises UsageError outside a project, SpecError for a mistake in the YAML, RegistryError.
    """
    root = find_project(start)
    spec = load_project(root, overrides, environment)
    with open_workspace(root, spec, _backend, overrides) as workspace:
        try:
            yield workspace
        except MvopsError as error:
            if error.about:
                _say_where(error, workspace, overrides)
            raise


@contextmanager
def open_sound(start: Path, environment: str | None = None) -> Iterator[Workspace]:
    """The same without models whose own file holds a mistake, which a remark names: for what makes another one."""
    root = find_project(start)
    spec, wrong = load_sound(root, environment)
    with open_workspace(root, spec, _backend, ()) as workspace:
        workspace.remarks.extend(f"{f} is not complete, or holds a mistake: mvops plan says which" for f in wrong)
        yield workspace


def _backend(family: str, name: str) -> Any:
    if family not in _ONLY_TEXTS and (family, name) not in _ONLY_FILES:
        spoil(f"the {name} of {family} may have looked anywhere")
    return backends.load(family, name)


def _say_where(error: MvopsError, workspace: Workspace, overrides: Sequence[str]) -> None:
    """Give an error that is about a key of the spec the line of YAML where it can be mended."""
    paths = _for_notebook(error, workspace) if isinstance(error, NotebookError) else [error.about]
    place = place_of(workspace.root, paths, overrides, workspace.project.environment)
    if place is None:
        return
    if error.where is not None:  # a path from the root, also to a notebook outside of it
        shown = Path(os.path.relpath(error.where.file, workspace.root)).as_posix()
        told = error.message.replace(str(error.where.file), shown)
        error.message = told if shown in told else f"{shown}: {told}"
    error.where = place


def _for_notebook(error: NotebookError, workspace: Workspace) -> Iterator[tuple[str | int, ...]]:
    """Where the models that use the notebook may say what it is asked for in vain."""
    field, *name = error.about
    for model, spec in workspace.project.models.items():
        if error.where is not None and error.where.file in [workspace.root / book for book in spec.pipeline.books]:
            for section in ("parameters", "inputs") if field == "parameters" else (field,):
                yield ("models", model, "pipeline", section, *name)


def look_at(workspace: Workspace) -> Look:
    """What kinds may look at, as of now."""
    return Look(workspace=workspace, records=SqlState(workspace.registry).records(), backend=workspace.backend)
