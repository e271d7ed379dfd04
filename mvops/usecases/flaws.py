"""Everything that keeps a plan from being made, over all models, where looking for it stopped at the first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from mvops.errors import MvopsError, NotebookError
from mvops.kinds.dataset import missing_data
from mvops.kinds.kind import Look
from mvops.kinds.pipeline import pipeline_flaws
from mvops.loading.load import positions_of
from mvops.loading.positions import Positions
from mvops.loading.problems import KeyPath, Place, Problem, spec_error
from mvops.usecases.project import in_pipeline, keys_about, with_its_file


def with_all_others(first: MvopsError, look: Look) -> MvopsError:
    """`first` with all else that is wrong with the data, notebooks and files that the YAML names; itself if nothing."""
    workspace = look.workspace
    positions = positions_of(workspace.root, workspace.overrides, workspace.project.environment)
    found = [_problem(error, paths, positions, workspace.root) for error, paths in _flaws(look)]
    known = _problem(first, keys_about(first, workspace), positions, workspace.root)
    if known.message not in {problem.message for problem in found}:
        found.append(known)
    found = list(dict.fromkeys(found))
    return spec_error(found, "problems with what the YAML names") if len(found) > 1 else first


def _flaws(look: Look) -> Iterator[tuple[MvopsError, Iterable[KeyPath]]]:
    """Each with the keys that may name it."""
    for missing in missing_data(look):
        yield missing, [missing.about]
    for model in sorted(look.workspace.project.models):
        for flaw in pipeline_flaws(look, model):
            yield flaw, in_pipeline(flaw, model) if isinstance(flaw, NotebookError) else [flaw.about]


def _problem(error: MvopsError, paths: Iterable[KeyPath], positions: Positions, root: Path) -> Problem:
    place = next((found for path in paths if path and (found := positions.find(path))), None)
    message, where = with_its_file(error, root), error.where
    if place is None and where is not None:
        place, message = Place(where.file, where.line or 0, where.column or 1, ""), error.message
    return Problem(place, message, error.hint or "")
