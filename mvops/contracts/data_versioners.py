"""What a data versioner is: something that keeps the content of a pipeline's inputs, and brings it back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from pydantic import JsonValue

from mvops.core.canonical import digest
from mvops.core.frozen import Frozen
from mvops.core.version import Artifact


class Store(Protocol):
    """What a data versioner may use of the project's artefact store."""

    def put_file(self, path: Path, format: str) -> Artifact:  # noqa: A002  the word of the artefact store
        """Keep a copy of the file."""
        ...

    def read_bytes(self, artifact: str) -> bytes:
        """The content whose sha256 this is; an ArtifactError if it is missing or damaged."""
        ...

    def has(self, sha256: str) -> bool:
        """Is this content kept?"""
        ...

    def present(self, several: Iterable[str]) -> frozenset[str]:
        """Those that are kept; where each is a question to a server, they are asked for at the same time."""
        ...


@dataclass(frozen=True)
class Place:
    """A project as a data versioner sees it: its folder, a folder that may be deleted at any time, the store."""

    root: Path
    cache: Path
    store: Store


class Files(Frozen):
    """The files of an input: path below the project -> sha256, in the order of the paths."""

    files: dict[str, str]

    @property
    def digest(self) -> str:
        """The same as that of the input, as runs and versions have it."""
        return digest([list(each) for each in self.files.items()])


class Dataset(Files):
    """An input as it is now; `pattern` is a file, a folder or a glob, relative to the project."""

    pattern: str


class Revision(Files):
    """Content that is kept: the backend's own `id` of it, and `own`, what it takes to bring the files back."""

    backend: str
    id: str
    own: dict[str, JsonValue]


@dataclass(frozen=True)
class Kept:
    """What `keep` did. `to_commit` are files (relative to the project) that the team commits to Git."""

    revision: Revision
    to_commit: tuple[str, ...] = ()


class DataVersioner(Protocol):
    """A backend of the family `data_versioners`: a class that is made without arguments.

    Nothing here changes what a team tracks already: it is used as it is.
    """

    def where(self, options: Mapping[str, Any]) -> str:
        """Where content is kept, in a few words that go into the plan. BackendError for options that do not fit."""
        ...

    def ready(self, place: Place) -> None:
        """Raise BackendError, with the command to type, where something has to be set up first; quick, reads only."""
        ...

    def reach(self, place: Place, before: Revision | None, options: Mapping[str, Any]) -> None:
        """Raise BackendError where content has no place to go to: asked before a run is made of it. Quick, reads only.

        `before` is what was kept of it last.
        """
        ...

    def holds(self, place: Place, revision: Revision, options: Mapping[str, Any]) -> bool:
        """Is the revision still what is kept for these files; quick, reads only."""
        ...

    def preview(self, place: Place, dataset: Dataset, options: Mapping[str, Any]) -> Iterator[str]:
        """What `keep` would do and cost, a line each; reads only."""
        ...

    def keep(self, place: Place, dataset: Dataset, before: Revision | None, options: Mapping[str, Any]) -> Kept:
        """Keep the dataset's content; doing it twice is doing it once. `before` is what was kept of it last.

        Raises BackendError with the remedy; what was kept before stays.
        """
        ...

    def restore(self, place: Place, revision: Revision, target: Path, options: Mapping[str, Any]) -> None:
        """Write the revision's files below `target`, at their paths; the project's own files are not touched.

        Raises BackendError or ArtifactError where content is gone.
        """
        ...


@runtime_checkable
class Reachable(Protocol):
    """What a data versioner may have besides: other machines get the content from where it puts it."""

    def stays_here(self, place: Place, options: Mapping[str, Any]) -> bool:
        """Can no other machine get it, as it is put into a folder of this one. Quick, reads only."""
        ...
