"""Of which versions the data is still to be had, so that they can be made again."""

from __future__ import annotations

from itertools import chain

from mvops.core.version import DataRevision, Version
from mvops.lifecycle.data import named_revision, recorded_revision
from mvops.registry.journal import kept_once
from mvops.registry.state import SqlState
from mvops.registry.versions import versions
from mvops.workspace import Workspace

_NEWEST = 20  # versions that are looked at


def kept_revision(workspace: Workspace, version: Version, name: str) -> DataRevision | None:
    """The version's own revision of an input, or that of the same content which was kept later, now or in between."""
    if name in version.revisions:
        return version.revisions[name]
    now = (record.outputs for record in SqlState(workspace.registry).records().values())
    for outputs in chain(now, kept_once(workspace.registry)):
        revision = recorded_revision(workspace.store, outputs)
        if revision is not None and revision.digest == version.data[name]:
            return named_revision(outputs)
    return None


def has_its_data(workspace: Workspace, version: Version) -> bool:
    """Was the content of all that it read kept."""
    return all(kept_revision(workspace, version, name) is not None for name in version.data)


def with_their_data(workspace: Workspace, model: str) -> list[int]:
    """The newest versions of a model whose data was kept, newest first."""
    newest_first = reversed(versions(workspace.registry, model)[-_NEWEST:])
    return [listed.number for listed in newest_first if has_its_data(workspace, listed.whole())]
