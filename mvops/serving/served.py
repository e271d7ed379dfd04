"""A version in memory, ready to answer."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

from mvops.core.version import Version
from mvops.serving.batching import Batcher
from mvops.serving.rows import RowReader
from mvops.serving.settings import ServiceSettings


@dataclass(frozen=True)
class Served:
    """A version with its reader of rows and its queue."""

    version: Version
    reader: RowReader
    batcher: Batcher


def load_served(version: Version, settings: ServiceSettings, pool: Executor, observe: Callable[[int], None]) -> Served:
    """Load a version's estimator, from bytes whose hash was checked, and try it. Raises ArtifactError, ServingError."""
    # These bring scikit-learn and pandas, which only a process that loads a model needs.
    from mvops.artifacts.models import load_model  # noqa: PLC0415
    from mvops.artifacts.store import ArtifactStore  # noqa: PLC0415
    from mvops.serving.estimator import Estimator  # noqa: PLC0415

    store = ArtifactStore(settings.artifacts, settings.root)
    estimator = Estimator(load_model(store, version.artifact), version.signature)
    reader = RowReader(version.signature.columns, settings.max_rows)
    return Served(version, reader, Batcher(estimator, pool, settings.batch_rows, observe))
