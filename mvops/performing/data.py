"""Having the content of a dataset kept."""

from __future__ import annotations

from mvops.contracts.data_versioners import Dataset, DataVersioner, Revision
from mvops.core.run import Run
from mvops.core.steps import KeepData
from mvops.core.version import DataRevision
from mvops.errors import ConflictError
from mvops.features.joined import joined_content, joined_file
from mvops.lifecycle.data import keep_revision, named_revision, recorded_revision
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
