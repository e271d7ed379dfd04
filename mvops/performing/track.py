"""Telling the tracker what the registry knows: runs with their files, versions with their model, aliases."""

from __future__ import annotations

from mvops.artifacts.elsewhere import load_version
from mvops.artifacts.values import load_value
from mvops.contracts.trackers import RunReport, Tracker, VersionReport
from mvops.core.run import Run
from mvops.core.steps import LogRun, LogVersion, SetAliases
from mvops.lifecycle.pins import requirements
from mvops.notebook.pictures import pictures
from mvops.registry.runs import find_run
from mvops.registry.versions import find_version
from mvops.workspace import Workspace, tracker_books

_EXAMPLE_ROWS = 5


def log_run(step: LogRun, workspace: Workspace, tracker: Tracker) -> dict[str, str]:
    """Tell of a run, with its executed notebooks and their plots."""
    run = find_run(workspace.registry, step.run)
    if run is not None:
        tracker.log_run(tracker_books(workspace, step.options), RunReport(run, run_files(run, workspace)))
    return {}


def log_version(step: LogVersion, workspace: Workspace, tracker: Tracker) -> dict[str, str]:
    """Tell of a version, with its model."""
    version = find_version(workspace.registry, step.model, step.number)
    if version is None:
        return {}
    store = workspace.store

    def example() -> object:
        if version.held_out is None:
            return None
        rows = load_value(store.read_bytes(version.held_out), version.held_out.format, trusted_pickle=False)
        return rows.drop(columns="__target__").head(_EXAMPLE_ROWS)

    report = VersionReport(
        version=version,
        requirements=tuple(requirements(version.environment)),
        artifact=store.read_bytes(version.artifact),
        estimator=lambda: load_version(store, version, workspace.root),
        example=example,
    )
    tracker.log_version(tracker_books(workspace, step.options), report)
    return {}


def set_aliases(step: SetAliases, workspace: Workspace, tracker: Tracker) -> dict[str, str]:
    """Tell who is champion and who challenges."""
    tracker.set_aliases(tracker_books(workspace, step.options), step.model, step.aliases)
    return {}


def run_files(run: Run, workspace: Workspace) -> dict[str, bytes]:
    """The executed notebooks of a run that are still kept, and the plots in them: path -> content."""
    files: dict[str, bytes] = {}
    for step in run.steps:
        if step.notebook is None or not workspace.store.has(step.notebook):
            continue
        executed = workspace.store.read_bytes(step.notebook)
        files[f"notebooks/{step.step}.ipynb"] = executed
        for number, picture in enumerate(pictures(executed), start=1):
            files[f"plots/{step.step}-{number}.png"] = picture
    return files
