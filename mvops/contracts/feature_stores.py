"""What a feature store is: something that knows values by entity and time, for training and for endpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from pydantic import Field

from mvops.core.config.features import FeatureStore as Settings
from mvops.core.config.features import FeatureView
from mvops.core.environment import OfEnvironment
from mvops.core.frozen import Frozen
from mvops.core.lookup import Lookup

if TYPE_CHECKING:
    import pandas as pd


class Catalog(OfEnvironment):
    """Everything that a project keeps in its feature store. Holds no secret.

    `services` are the fields (view -> fields) that a model reads, by the model's name; `staying` the entities (with
    their types) of views that the YAML has dropped and that may not go yet.
    """

    project: str
    settings: Settings
    views: dict[str, FeatureView]
    services: dict[str, dict[str, tuple[str, ...]]]
    staying: dict[str, str] = Field(default_factory=dict)


class ServedFeatures(OfEnvironment):
    """What an endpoint is told of the feature store; `missing` is what becomes of a row that it has no values for."""

    backend: str
    project: str
    settings: Settings
    missing: Literal["refuse", "null"]

    def catalog(self) -> Catalog:
        """Enough of it to look features up."""
        return Catalog(
            project=self.project, settings=self.settings, views={}, services={}, environment=self.environment
        )


class Flaw(Frozen):
    """What is wrong with a view: the section and the word of its YAML that say so, and names that were meant."""

    section: str
    word: str
    message: str
    known: tuple[str, ...] = ()


class Known(Frozen):
    """What a store says of itself: views in the words of their YAML, services (view -> fields).

    `materialized` says until when a view's online values are up to date; views that never were are left out.
    """

    views: dict[str, dict[str, Any]] = Field(default_factory=dict)
    services: dict[str, dict[str, list[str]]] = Field(default_factory=dict)
    materialized: dict[str, datetime] = Field(default_factory=dict)


class OnlineReader(Protocol):
    """Looks values up, for one version of a model. May be called from any thread, one at a time."""

    def read(self, keys: Sequence[Mapping[str, Any]]) -> list[dict[str, tuple[Any, datetime]]]:
        """For each row's entities: field -> value and since when it is known; a field that is not there is unknown.

        Raises DataError that names a view which is not there, BackendError when the store does not answer.
        """
        ...

    def gone(self) -> tuple[str, ...]:
        """The views that it looks up and that the store does not have: quick where nothing was changed since.

        Raises BackendError when the store does not answer.
        """
        ...


class FeatureStore(Protocol):
    """A backend of the family `feature_stores`: a class that is made without arguments.

    `root` is the project's folder. What reaches a server raises BackendError when that does not answer, and
    MissingExtraError where a library is missing.
    """

    def folder(self) -> str:
        """Where the generated files go, below the project's root, posix."""
        ...

    def files(self, catalog: Catalog) -> Mapping[str, str]:
        """All generated files: path below `folder` -> text. Pure.

        Those of a view are below `views/<view>`, those of a service below `services/<model>`.
        """
        ...

    def check(self, root: Path, catalog: Catalog, view: str) -> list[Flaw]:
        """What is wrong with a view's source: it is not there, or lacks a column. Reads no values."""
        ...

    def digest(self, root: Path, catalog: Catalog, view: str, cache: Path) -> str:
        """Of all values in a view's source: it changes when they do."""
        ...

    def known(self, root: Path, catalog: Catalog) -> Known:
        """What the store itself says that it holds."""
        ...

    def put_view(self, root: Path, catalog: Catalog, name: str) -> None:
        """Make a view, with its entities and its place in the online store, as the catalog says."""
        ...

    def put_service(self, root: Path, catalog: Catalog, name: str) -> None:
        """Make a service as the catalog says."""
        ...

    def remove_view(self, root: Path, catalog: Catalog, name: str) -> None:
        """Take a view away, with its online values, and the entities that no view has any more."""
        ...

    def remove_service(self, root: Path, catalog: Catalog, name: str) -> None:
        """Take a service away."""
        ...

    def remove(self, root: Path, catalog: Catalog) -> None:
        """Take away what the store keeps in the project's folder, once its views are gone."""
        ...

    def join(self, root: Path, catalog: Catalog, service: str, rows: pd.DataFrame, timestamp: str) -> pd.DataFrame:
        """The fields of a service for `rows` (entities and an aware `timestamp`, no two rows alike), in their order.

        Each row gets the values that were known at its time: not later ones, nor any older than a view's ttl.
        """
        ...

    def materialize(self, root: Path, catalog: Catalog, views: Sequence[str], until: datetime) -> None:
        """Bring what is new since the last time, up to `until`, into the online store."""
        ...

    def reader(self, root: Path, catalog: Catalog, lookup: Lookup) -> OnlineReader:
        """Open the online store for an endpoint."""
        ...
