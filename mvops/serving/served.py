"""A version in memory, ready to answer."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

from mvops.contracts.feature_stores import FeatureStore
from mvops.core.version import Version
from mvops.errors import ServingError
from mvops.serving.batching import Batcher
from mvops.serving.lookups import FeatureLookup
from mvops.serving.predicted import Predicted, baseline_edges
from mvops.serving.rows import RowReader
from mvops.serving.settings import ServiceSettings


@dataclass(frozen=True)
class Served:
    """A version with its reader of rows and its queue."""

    version: Version
    reader: RowReader
    batcher: Batcher
    edges: tuple[float, ...]  # of the bins in which predicted values are told
    lookup: FeatureLookup | None = None

    def predicted(self) -> Predicted:
        """A new counter of what the version says."""
        return Predicted(self.version, self.edges)


def load_served(
    version: Version,
    settings: ServiceSettings,
    pool: Executor,
    observe: Callable[[int], None],
    features: FeatureStore | None = None,
) -> Served:
    """Load a version's estimator, from bytes whose hash was checked, and try it; open what it looks features up in.

    Raises ArtifactError, ServingError, and BackendError for the feature store.
    """
    # These bring scikit-learn and pandas, which only a process that loads a model needs.
    from mvops.artifacts.elsewhere import load_version  # noqa: PLC0415
    from mvops.artifacts.models import foresee_skops  # noqa: PLC0415
    from mvops.artifacts.store import ArtifactStore  # noqa: PLC0415

    foresee_skops()
    from mvops.serving.estimator import Estimator  # noqa: PLC0415

    store = ArtifactStore(settings.artifacts, settings.root)
    estimator = Estimator(load_version(store, version, settings.root), version.signature)
    reader = RowReader(version.signature.columns, settings.max_rows)
    batcher = Batcher(estimator, pool, settings.batch_rows, observe)
    return Served(version, reader, batcher, baseline_edges(version, store), lookup_of(version, settings, features))


def lookup_of(version: Version, settings: ServiceSettings, features: FeatureStore | None) -> FeatureLookup | None:
    """What a version looks features up with, opened. Raises ServingError, BackendError for the feature store."""
    lookup, told = version.lookup, settings.features
    if lookup is None:
        return None
    if features is None or told is None:
        message = f"version {version.number} looks features up, and this endpoint was made without a feature store"
        raise ServingError(message, hint="Make it anew with: mvops apply")
    columns = [column.name for column in version.signature.columns]
    return FeatureLookup(lookup, columns, lambda: features.reader(settings.root, told.catalog(), lookup), told.missing)
