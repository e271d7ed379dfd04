"""A version in memory, ready to answer."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from mvops.contracts.feature_stores import FeatureStore
from mvops.core.version import OWN, Version
from mvops.errors import ServingError
from mvops.serving.answers import Answers
from mvops.serving.batching import Batcher, GivenUpError, Predict
from mvops.serving.engines import Answering, answering
from mvops.serving.lookups import FeatureLookup
from mvops.serving.model_process import ModelProcess
from mvops.serving.predicted import Predicted, baseline_edges
from mvops.serving.releases import check_releases, other_releases
from mvops.serving.rows import RowReader
from mvops.serving.settings import ServiceSettings
from mvops.serving.steady import steady

if TYPE_CHECKING:
    from mvops.artifacts.store import ArtifactStore


_IDLE = 60.0  # seconds


@dataclass(frozen=True)
class Served:
    """A version with its reader of rows and its queue."""

    version: Version
    reader: RowReader
    batcher: Batcher
    edges: tuple[float, ...]  # of the bins in which predicted values are told
    answering: Answering
    lookup: FeatureLookup | None = None
    process: ModelProcess | None = None  # the model's own
    other_releases: tuple[str, ...] = ()  # than it was made with

    def told(self) -> dict[str, Any]:
        """For `/health/ready`."""
        return self.answering.told() | ({"other_releases": self.other_releases} if self.other_releases else {})

    def predicted(self) -> Predicted:
        """A new counter of what the version says."""
        return Predicted(self.version, self.edges)

    def look(self) -> None:
        """See after what it stands on; to be called every moment."""
        if self.lookup is not None:
            self.lookup.look()
        if self.process is not None and self.answering.engine == "onnx":  # which seldom leaves a row to it
            self.process.rest(_IDLE)


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
    store, estimator = _store(settings), estimator_of(version, settings)
    reader = RowReader(version.signature.columns, settings.max_rows)
    chosen = answering(version, settings, store, steady(estimator))
    batcher = Batcher(chosen.ask, pool, settings.batch_rows, observe)
    process = estimator if isinstance(estimator, ModelProcess) else None
    lookup = lookup_of(version, settings, features)
    edges, others = baseline_edges(version, store), tuple(chain(*other_releases(version.environment)))
    return Served(version, reader, batcher, edges, chosen, lookup, process, others)


def estimator_of(version: Version, settings: ServiceSettings, *, kinder: bool = False) -> Predict:
    """What asks the version's estimator: in a process of its own, or here.

    A `kinder` process gives way to others. Raises ArtifactError, ServingError.
    """
    from mvops.artifacts.elsewhere import NoAnswerError, bytes_for_here, load_version  # noqa: PLC0415 -- numpy

    check_releases(version, settings.releases)
    store = _store(settings)
    if settings.isolate and sys.platform == "linux" and version.environment.interpreter in {"", OWN}:
        return ModelProcess(version, settings, bytes_for_here(store, version, settings.root), kinder=kinder)
    # These bring scikit-learn and pandas.
    from mvops.artifacts.models import foresee_skops  # noqa: PLC0415

    foresee_skops()
    from mvops.serving.estimator import Estimator  # noqa: PLC0415

    model = load_version(store, version, settings.root, settings.predict_timeout)
    estimator = Estimator(model, version.signature)

    def ask(columns: Sequence[Sequence[Any]]) -> Answers:
        try:
            return estimator(columns)
        except NoAnswerError as error:
            raise GivenUpError(str(error)) from error

    return ask


def _store(settings: ServiceSettings) -> ArtifactStore:
    from mvops.artifacts.store import ArtifactStore  # noqa: PLC0415 -- numpy

    return ArtifactStore(settings.artifacts, settings.root)


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
