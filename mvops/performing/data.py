"""Having the content of a dataset kept."""

from __future__ import annotations

from collections.abc import Mapping

from mvops.contracts.data_versioners import Dataset, DataVersioner, Revision
from mvops.core.config.data import Data
from mvops.core.run import Run
from mvops.core.steps import KeepData
from mvops.core.version import DataRevision
from mvops.errors import ConflictError
from mvops.features.joined import joined_content, joined_file
from mvops.lifecycle.data import keep_revision, named_revision, recorded_revision
from mvops.notebook.digests import input_contents
from mvops.workspace import Workspace, data_keeper, data_place


def reach_keeper(outputs: Mapping[str, str], workspace: Workspace) -> None:
    """Raise BackendError where data could not be kept for want of a place; `outputs` are what was kept of it last."""
    versioner, data, before = _keeper(outputs, workspace)
    versioner.reach(data_place(workspace), before, data.options)


def keep_data(step: KeepData, outputs: dict[str, str], workspace: Workspace) -> dict[str, str]:
    """Keep what is there now; leaves the revision and the names of the files that are for people to commit.

    Raises ConflictError if the data is no longer what the plan saw, BackendError as the data versioner does.
    """
    files = input_contents(workspace.root, step.pattern, workspace.cache)
    dataset = Dataset(pattern=step.pattern, files=files)
    if dataset.digest != step.digest:
        raise ConflictError(f"{step.pattern} has changed since the plan was made", hint="Again: mvops apply")
    versioner, data, before = _keeper(outputs, workspace)
    kept = versioner.keep(data_place(workspace), dataset, before, data.options)
    return keep_revision(workspace.store, kept.revision) | {"to_commit": ", ".join(kept.to_commit)}


def _keeper(outputs: Mapping[str, str], workspace: Workspace) -> tuple[DataVersioner, Data, Revision | None]:
    """Who keeps data now, how, and what that one kept last."""
    data, _ = data_keeper(workspace)
    before = recorded_revision(workspace.store, outputs) if outputs.get("backend") == data.backend else None
    return workspace.backend("data_versioners", data.backend), data, before


def keep_joined(workspace: Workspace, run: Run, parameter: str) -> dict[str, DataRevision]:
    """Keep the rows that mvops joined for the run: the feature store may give others for the same times later.

    They go into the artefact store, whoever keeps the other inputs: they are no file of the team's.
    """
    wanted = run.inputs.get(parameter)
    sha256 = joined_content(workspace, run.model, wanted) if wanted else None
    if wanted is None or sha256 is None:
        return {}
    name = joined_file(workspace, run.model)
    workspace.store.put_file(workspace.root / name, "parquet")
    revision = Revision(backend="local", id=wanted[:16], files={name: sha256}, own={})
    named = named_revision(keep_revision(workspace.store, revision))
    return {parameter: named} if named else {}
