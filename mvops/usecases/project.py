"""Opening the project that a command is about."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mvops import backends
from mvops.core.scope import WHOLE, Scope
from mvops.errors import MvopsError, NotebookError
from mvops.kinds.kind import Look
from mvops.loading.find import find_project
from mvops.loading.load import load, load_sound, positions_of
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
    spec, clashes = load(root, overrides, environment)
    with open_workspace(root, spec, _backend, overrides, clashes) as workspace:
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
    positions = positions_of(workspace.root, overrides, workspace.project.environment)
    place = next((found for path in keys_about(error, workspace) if (found := positions.find(path))), None)
    if place is not None and place.where is not None:
        error.message, error.where = with_its_file(error, workspace.root), place.where


def with_its_file(error: MvopsError, root: Path) -> str:
    """The error's message with the file that it is about, for where a line of the YAML is shown as its place."""
    if error.where is None:
        return error.message
    shown = Path(os.path.relpath(error.where.file, root)).as_posix()  # from the root, also to what is outside of it
    told = error.message.replace(str(error.where.file), shown)
    return told if shown in told else f"{shown}: {told}"


def keys_about(error: MvopsError, workspace: Workspace) -> Iterable[tuple[str | int, ...]]:
    """The keys of the spec that may be at fault, the likeliest first."""
    return _for_notebook(error, workspace) if isinstance(error, NotebookError) else [error.about]


def _for_notebook(error: NotebookError, workspace: Workspace) -> Iterator[tuple[str | int, ...]]:
    """Where the models that use the notebook may say what it is asked for in vain."""
    for model, spec in workspace.project.models.items():
        if error.where is not None and error.where.file in [workspace.root / book for book in spec.pipeline.books]:
            yield from in_pipeline(error, model)


def in_pipeline(error: NotebookError, model: str) -> Iterator[tuple[str | int, ...]]:
    """Where the model may say it."""
    field, *name = error.about or ("notebook",)
    for section in ("parameters", "inputs") if field == "parameters" else (field,):
        yield ("models", model, "pipeline", section, *name)


def look_at(workspace: Workspace, scope: Scope = WHOLE) -> Look:
    """What kinds may look at, as of now."""
    return Look(workspace, SqlState(workspace.registry).records(), workspace.backend, scope)
