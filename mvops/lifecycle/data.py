"""The revisions of data: as a dataset's record names them, and as a version keeps them."""

from __future__ import annotations

from collections.abc import Mapping

from mvops.artifacts.store import ArtifactStore
from mvops.contracts.data_versioners import Revision
from mvops.core.version import Artifact, DataRevision
from mvops.errors import ArtifactError


def keep_revision(store: ArtifactStore, revision: Revision) -> dict[str, str]:
    """Put the revision's manifest into the store; the outputs by which a record names it."""
    manifest = store.put_bytes(revision.model_dump_json().encode(), "json")
    return {
        "backend": revision.backend,
        "revision": revision.id,
        "files": str(len(revision.files)),
        "manifest": manifest.sha256,
        "manifest_size": str(manifest.size),
    }


def named_revision(outputs: Mapping[str, str]) -> DataRevision | None:
    """What a record's outputs name; None where no content was kept."""
    if "manifest" not in outputs:
        return None
    manifest = Artifact(sha256=outputs["manifest"], format="json", size=int(outputs["manifest_size"]))
    return DataRevision(
        backend=outputs["backend"], id=outputs["revision"], files=int(outputs["files"]), manifest=manifest
    )


def read_revision(store: ArtifactStore, named: DataRevision) -> Revision:
    """The revision whole. Raises ArtifactError if its manifest is gone from the store."""
    return Revision.model_validate_json(store.read_bytes(named.manifest))


def recorded_revision(store: ArtifactStore, outputs: Mapping[str, str]) -> Revision | None:
    """The revision that a record's outputs name; None if there is none, or it is gone."""
    named = named_revision(outputs)
    try:
        return read_revision(store, named) if named else None
    except ArtifactError:
        return None
