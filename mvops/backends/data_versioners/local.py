"""Data in the project's own artefact store, each content once: nothing to install, and a copy on the disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mvops.contracts.data_versioners import Dataset, Kept, Place, Revision
from mvops.core.canonical import digest
from mvops.errors import BackendError

_FORMAT = "data"


class Local:
    """Takes no options; `artifacts` in project.yaml says where the store is."""

    def where(self, options: Mapping[str, Any]) -> str:
        """In the artefact store."""
        if options:
            raise BackendError(f"data versioner 'local' takes no options, not {', '.join(sorted(options))}")
        return "artefact store"

    def ready(self, place: Place) -> None:
        """Always."""
        del place

    def reach(self, place: Place, before: Revision | None, options: Mapping[str, Any]) -> None:
        """Always: versions need the store too."""
        del place, before, options

    def holds(self, place: Place, revision: Revision, options: Mapping[str, Any]) -> bool:
        """Is every file's content in the store."""
        del options
        wanted = set(revision.files.values())
        return place.store.present(wanted) == wanted

    def preview(self, place: Place, dataset: Dataset, options: Mapping[str, Any]) -> Iterator[str]:
        """How much is copied, and how much is there already."""
        del options
        new, known, seen = 0, 0, set(place.store.present(dataset.files.values()))
        for name, sha256 in dataset.files.items():
            size = (place.root / name).stat().st_size
            if sha256 in seen:
                known += size
            else:
                new += size
            seen.add(sha256)
        there = f" ({_megabytes(known)} are there already)" if known else ""
        yield f"keep: {_megabytes(new)} are copied into the artefact store{there}"

    def keep(self, place: Place, dataset: Dataset, before: Revision | None, options: Mapping[str, Any]) -> Kept:
        """Copy what is not there yet."""
        del before, options
        there = place.store.present(dataset.files.values())
        for name, sha256 in dataset.files.items():
            if sha256 in there:
                continue
            if place.store.put_file(place.root / name, _FORMAT).sha256 != sha256:
                raise BackendError(f"{name} changed while it was being kept", hint="Let it rest, then: mvops apply")
        name = digest(sorted(dataset.files.items()))[:16]
        return Kept(Revision(backend="local", id=name, files=dataset.files, own={}))

    def restore(self, place: Place, revision: Revision, target: Path, options: Mapping[str, Any]) -> None:
        """Copy back; each content is checked against its hash as it is read."""
        del options
        for name, sha256 in revision.files.items():
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(place.store.read_bytes(sha256))


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
