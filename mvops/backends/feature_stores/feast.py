"""Features in Feast: a repository of definitions that the `feast` program reads too, and Feast's own registry.

Feast takes five seconds to import, so that happens only when it is asked; what it knows is remembered for as long as
its registry's file is the same.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from mvops.atomic import write_atomically
from mvops.backends.feature_stores import _repository, _sources
from mvops.contracts.feature_stores import Catalog, Flaw, Known, OnlineReader
from mvops.core.frozen import Frozen
from mvops.core.lookup import Lookup
from mvops.errors import MissingExtraError

if TYPE_CHECKING:
    import pandas as pd

if importlib.util.find_spec("feast") is None:
    raise MissingExtraError("The feature store 'feast'", "feast")


class _Remembered(Frozen):
    """What Feast said of a registry's file with this digest."""

    registry: str
    known: Known


class Feast:
    """Generates `deploy/features/`; Feast's registry and its SQLite file are in `.mvops/features/`."""

    def folder(self) -> str:
        """One folder, a Feast repository."""
        return _repository.FOLDER

    def files(self, catalog: Catalog) -> Mapping[str, str]:
        """feature_store.yaml and Python definitions."""
        return _repository.files(catalog)

    def check(self, root: Path, catalog: Catalog, view: str) -> list[Flaw]:
        """The schema of the Parquet files, or that of the table."""
        return _sources.check(root, catalog, view)

    def digest(self, root: Path, catalog: Catalog, view: str, cache: Path) -> str:
        """Of the Parquet files' bytes, or of the table's rows."""
        return _sources.digest(root, catalog, view, cache)

    def known(self, root: Path, catalog: Catalog) -> Known:
        """Read off Feast's registry."""
        path = root / _repository.registry_of(catalog)
        if not path.is_file():
            return Known()
        content = hashlib.sha256(path.read_bytes() + catalog.project.encode()).hexdigest()
        kept = path.with_name("known.json")
        with suppress(OSError, ValueError):  # not there yet, or damaged: read anew
            remembered = _Remembered.model_validate_json(kept.read_bytes())
            if remembered.registry == content:
                return remembered.known
        found: Known = _library().known(root, catalog)
        write_atomically(kept, _Remembered(registry=content, known=found).model_dump_json().encode())
        return found

    def put_view(self, root: Path, catalog: Catalog, name: str) -> None:
        """Apply a FeatureView with its entities and its source."""
        _library().put_view(root, catalog, name)
        self.known(root, catalog)  # while Feast is loaded, so that the next plan need not load it

    def put_service(self, root: Path, catalog: Catalog, name: str) -> None:
        """Apply a FeatureService."""
        _library().put_service(root, catalog, name)
        self.known(root, catalog)  # while Feast is loaded, so that the next plan need not load it

    def remove_view(self, root: Path, catalog: Catalog, name: str) -> None:
        """Delete a FeatureView and its table, and entities that no view has any more."""
        _library().remove_view(root, catalog, name)
        self.known(root, catalog)  # while Feast is loaded, so that the next plan need not load it

    def remove_service(self, root: Path, catalog: Catalog, name: str) -> None:
        """Delete a FeatureService."""
        _library().remove_service(root, catalog, name)
        self.known(root, catalog)  # while Feast is loaded, so that the next plan need not load it

    def remove(self, root: Path, catalog: Catalog) -> None:
        """The registry and the SQLite file, which are ours alone."""
        _repository.remove(root, catalog)

    def join(self, root: Path, catalog: Catalog, service: str, rows: pd.DataFrame, timestamp: str) -> pd.DataFrame:
        """Feast's get_historical_features where the values are in PostgreSQL; see `_as_of` for files."""
        found: pd.DataFrame = _library().join(root, catalog, service, rows, timestamp)
        return found

    def materialize(self, root: Path, catalog: Catalog, views: Sequence[str], until: datetime) -> None:
        """Feast's materialize, from a day (or the time to live) before where it stopped the last time."""
        _library().materialize(root, catalog, views, until)
        self.known(root, catalog)  # while Feast is loaded, so that the next plan need not load it

    def reader(self, root: Path, catalog: Catalog, lookup: Lookup) -> OnlineReader:
        """Feast's get_online_features."""
        found: OnlineReader = _library().Reader(root, catalog, lookup)
        return found


def _library() -> ModuleType:
    from mvops.backends.feature_stores import _library as library  # noqa: PLC0415 -- imports Feast

    return library
