"""What Prometheus is told. Labels come from the route and a closed list of paths, never from a request."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.registry import Collector

from mvops.serving.answers import Answers
from mvops.serving.predicted import Predicted, PredictedMetrics

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class ArmMetrics:
    """One version's metrics in one arm, with their labels bound."""

    def __init__(self, seconds: Histogram, predictions: Counter, predicted: Predicted) -> None:
        self._seconds = seconds
        self._predictions = predictions
        self._predicted = predicted

    def answered(self, answers: Answers, seconds: float) -> None:
        """Count a request that was answered."""
        self._seconds.observe(seconds)
        self._predictions.inc(len(answers.predictions))
        self._predicted.count(answers)


class Metrics:
    """An endpoint's metrics, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "mvops_requests", "Requests by path and status.", ["path", "status"], registry=self._registry
        )
        labels = ["version", "arm"]
        self._seconds = Histogram(
            "mvops_predict_seconds", "From request to answer.", labels, buckets=_SECONDS, registry=self._registry
        )
        self._predictions = Counter("mvops_predictions", "Rows predicted.", labels, registry=self._registry)
        self._batch = Histogram("mvops_batch_rows", "Rows in a batch.", buckets=_ROWS, registry=self._registry)
        self._load_failures = Counter(
            "mvops_model_load_failures", "Versions that could not be loaded.", registry=self._registry
        )
        self._predicted = PredictedMetrics()
        self._registry.register(self._predicted)
        self._bound: dict[tuple[int, str], ArmMetrics] = {}

    def also(self, collector: Collector) -> None:
        """Report what this one collects whenever we are asked."""
        self._registry.register(collector)

    def gauge(self, name: str, meaning: str, value: Callable[[], float]) -> None:
        """Report `value()` whenever we are asked."""
        Gauge(f"mvops_{name}", meaning, registry=self._registry).set_function(value)

    def request(self, path: str, status: int) -> None:
        """Count a request."""
        self._requests.labels(path, str(status)).inc()

    def batch(self, rows: int) -> None:
        """Note the size of a batch."""
        self._batch.observe(rows)

    def load_failed(self) -> None:
        """Count a version that could not be loaded."""
        self._load_failures.inc()

    def arm(self, version: int, arm: str, predicted: Callable[[], Predicted]) -> ArmMetrics:
        """The metrics of a version in an arm; `predicted` makes a counter of what it says."""
        key = (version, arm)
        if key not in self._bound:
            labels = (str(version), arm)
            counter = predicted()
            self._predicted.add(version, arm, counter)
            self._bound[key] = ArmMetrics(self._seconds.labels(*labels), self._predictions.labels(*labels), counter)
        return self._bound[key]

    def keep(self, routed: Iterable[tuple[int, str]]) -> None:
        """Forget all versions but these, so that a long life does not mean ever more series."""
        for version, arm in self._bound.keys() - set(routed):
            del self._bound[version, arm]
            self._seconds.remove(str(version), arm)
            self._predictions.remove(str(version), arm)
            self._predicted.forget(version, arm)

    @property
    def predicted(self) -> bool:
        """Has anything been predicted since the start."""
        return bool(self._bound)

    def text(self) -> bytes:
        """The metrics in Prometheus' format."""
        return generate_latest(self._registry)
