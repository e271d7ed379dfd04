"""Of which versions the data is still to be had, so that they can be made again."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain

from mvops.contracts.data_versioners import Revision
from mvops.core.version import DataRevision, Version
from mvops.errors import ArtifactError
from mvops.lifecycle.data import named_revision, read_revision
from mvops.registry.journal import kept_with
from mvops.registry.state import SqlState
from mvops.registry.versions import versions
from mvops.workspace import Workspace

_NEWEST = 20  # versions that are looked at


@dataclass(frozen=True)
class KeptData:
    """What was kept of a project's data, for one command: no manifest is read twice, as the store may be far away."""

    workspace: Workspace
    _read: dict[str, Revision | ArtifactError] = field(default_factory=dict)

    def named(self, version: Version, name: str) -> DataRevision | None:
        """The version's own revision of an input, or that of the same content which was kept later."""
        if name in version.revisions:
            return version.revisions[name]
        wanted, registry = version.data[name], self.workspace.registry
        records = SqlState(registry).records().values()
        now = (record.outputs for record in records if record.spec.get("digest") == wanted)
        for outputs in chain(now, kept_with(registry, wanted)):
            found = named_revision(outputs)  # data that changed since may have been looked at only, and not kept
            if found is not None and self._digest(found) == wanted:
                return found
        return None

    def read(self, named: DataRevision) -> Revision:
        """The revision whole. Raises ArtifactError if its manifest is gone from the store."""
        manifest = named.manifest.sha256
        if manifest not in self._read:
            try:
                self._read[manifest] = read_revision(self.workspace.store, named)
            except ArtifactError as error:
                self._read[manifest] = error
        found = self._read[manifest]
        if isinstance(found, ArtifactError):
            raise found
        return found

    def _digest(self, named: DataRevision) -> str:
        """Of the content; empty where that cannot be told any more."""
        try:
            return self.read(named).digest
        except ArtifactError:
            return ""

    def is_whole(self, version: Version) -> bool:
        """Was the content of all that it read kept."""
        return all(self.named(version, name) is not None for name in version.data)

    def versions(self, model: str) -> list[int]:
        """The newest versions of a model whose data was kept, newest first."""
        newest_first = reversed(versions(self.workspace.registry, model)[-_NEWEST:])
        return [listed.number for listed in newest_first if self.is_whole(listed.whole())]
