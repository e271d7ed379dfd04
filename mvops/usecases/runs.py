"""The runs in mvops' own registry: list, show, compare, take their notebooks out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mvops.atomic import write_atomically
from mvops.core.run import Run, StepRun
from mvops.errors import UsageError, or_elsewhere
from mvops.notebook.page import StepPage, as_page
from mvops.performing.track import run_files
from mvops.registry import runs as registered
from mvops.registry.versions import version_of_run
from mvops.workspace import Workspace

_SEARCHED = 10_000  # newest runs in which a part of an id is looked up


@dataclass(frozen=True)
class RunLine:
    """A run and the version that it became, if it became one."""

    run: Run
    version: int | None


@dataclass(frozen=True)
class RunComparison:
    """Runs side by side: field -> value of each, only where they differ."""

    runs: tuple[Run, ...]
    differences: dict[str, tuple[object, ...]]


def list_runs(workspace: Workspace, model: str, limit: int = 20) -> list[RunLine]:
    """The newest runs of a model, newest first."""
    workspace.model(model)
    return [_line(workspace, run) for run in registered.runs(workspace.registry, model, limit)]


def show_run(workspace: Workspace, run_id: str) -> RunLine:
    """One run, by its id or by a beginning or end of it that no other has. Raises UsageError otherwise."""
    exact = registered.find_run(workspace.registry, run_id)
    if exact is not None:
        return _line(workspace, exact)
    known = registered.runs(workspace.registry, limit=_SEARCHED)
    found = [run for run in known if run.id.startswith(run_id) or run.id.endswith(run_id)]
    if len(found) == 1:
        return _line(workspace, found[0])
    if found:
        several = ", ".join(run.id for run in found[:3])
        raise UsageError(f"{len(found)} runs have {run_id!r} in their id", hint=f"Type more of it: {several}")
    models = ", ".join(sorted(workspace.project.models)) or "MODEL"
    raise UsageError(f"there is no run {run_id!r}", hint=f"See: mvops runs list MODEL (models: {models})")


def compare_runs(workspace: Workspace, *run_ids: str) -> RunComparison:
    """What differs between runs: metrics, parameters, inputs, code, and how long each step took."""
    chosen = tuple(show_run(workspace, run_id).run for run_id in run_ids)
    found: dict[str, tuple[object, ...]] = {}
    for part in ("metrics", "parameters", "inputs", "cells"):
        found |= _differences(part, [getattr(run, part) for run in chosen])
    found |= _differences("commit", [{"": run.code.commit if run.code else None} for run in chosen])
    found |= _differences("seconds", [{step.step: round(step.seconds, 1) for step in run.steps} for run in chosen])
    return RunComparison(chosen, found)


def export_notebooks(workspace: Workspace, run_id: str, output: Path, *, step: str | None = None) -> tuple[Path, ...]:
    """Write the executed notebooks of a run, or of one step, and the plots in them, below `output`.

    Raises UsageError for a run of which none is kept any more, and for a file that is there with other content.
    """
    run = _of_one_step(show_run(workspace, run_id).run, step)
    return _written(_kept(run, run_files(run, workspace)), output)


def export_page(
    workspace: Workspace, run_id: str, output: Path | None = None, *, step: str | None = None
) -> tuple[Path, ...]:
    """Write the executed notebooks of a run, or of one step, as one page of HTML: a file, or one in a folder.

    Without `output` it is kept in the project's reports. Raises as `export_notebooks`, and MissingExtraError.
    """
    run = _of_one_step(show_run(workspace, run_id).run, step)
    files = _kept(run, run_files(run, workspace))
    names = {each.step: f"notebooks/{each.step}.ipynb" for each in run.steps}
    steps = [
        StepPage(each.step, _said(each), files[names[each.step]]) for each in run.steps if names[each.step] in files
    ]
    page = as_page(f"{run.model}: run {run.id}", steps)
    name = "-".join(filter(None, (run.model, run.id, step)))
    if output is None:
        place = workspace.hidden / "reports" / f"{name}.html"
        write_atomically(place, page)
        return (place,)
    if output.suffix == ".html":
        return _written({output.name: page}, output.parent)
    return _written({f"{name}.html": page}, output)


def _of_one_step(run: Run, step: str | None) -> Run:
    chosen = tuple(each for each in run.steps if step in {None, each.step})
    if step is not None and not chosen:
        known = ", ".join(each.step for each in run.steps)
        hint = f"Its steps are: {known}" if known else f"See: mvops runs show {run.id}"
        raise UsageError(f"the run {run.id} has no step {step!r}", hint=hint)
    return run.model_copy(update={"steps": chosen})


def _said(step: StepRun) -> str:
    if step.status == "cached":
        return "From the cache, as it ran when it was kept."
    return f"{step.status.capitalize()} in {step.seconds:.1f} s."


def _kept(run: Run, files: dict[str, bytes]) -> dict[str, bytes]:
    if not files:
        raise UsageError(f"no notebook of the run {run.id} is kept", hint=f"Run it again: mvops run {run.model}")
    return files


def _written(files: Mapping[str, bytes], output: Path) -> tuple[Path, ...]:
    for name, content in files.items():
        path = output / name
        if path.is_file() and path.read_bytes() != content:
            raise UsageError(f"{path} is there with other content", hint="Choose another place with --output")
    with or_elsewhere():
        for name, content in files.items():
            write_atomically(output / name, content)
    return tuple(output / name for name in files)


def _line(workspace: Workspace, run: Run) -> RunLine:
    version = version_of_run(workspace.registry, run.model, run.id)
    return RunLine(run, version.number if version else None)


def _differences(part: str, values: list[Mapping[str, object]]) -> dict[str, tuple[object, ...]]:
    found = {}
    for key in sorted({key for value in values for key in value}):
        row = tuple(value.get(key) for value in values)
        if any(item != row[0] for item in row):
            found[f"{part}.{key}".rstrip(".")] = row
    return found
