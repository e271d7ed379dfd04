"""Having the content of a dataset kept."""

from __future__ import annotations

from mvops.contracts.data_versioners import Dataset, DataVersioner
from mvops.core.steps import KeepData
from mvops.errors import ConflictError
from mvops.lifecycle.data import keep_revision, recorded_revision
from mvops.notebook.digests import input_contents
from mvops.workspace import Workspace, data_keeper, data_place


def keep_data(step: KeepData, outputs: dict[str, str], workspace: Workspace) -> dict[str, str]:
    """Keep what is there now; leaves the revision and the names of the files that are for people to commit.

    Raises ConflictError if the data is no longer what the plan saw, BackendError as the data versioner does.
    """
    files = input_contents(workspace.root, step.pattern, workspace.cache)
    dataset = Dataset(pattern=step.pattern, files=files)
    if dataset.digest != step.digest:
        raise ConflictError(f"{step.pattern} has changed since the plan was made", hint="Again: mvops apply")
    place = data_place(workspace)
    data, _ = data_keeper(workspace)
    before = recorded_revision(workspace.store, outputs) if outputs.get("backend") == data.backend else None
    versioner: DataVersioner = workspace.backend("data_versioners", data.backend)
    kept = versioner.keep(place, dataset, before, data.options)
    return keep_revision(workspace.store, kept.revision) | {"to_commit": ", ".join(kept.to_commit)}
