"""What a version does in the shadow, for Prometheus: families of their own, so that no sum over arms counts it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from mvops.serving.shadow_counts import ShadowTally


class ShadowMetrics(Collector):
    """Of the shadow that `tally` counts, since the route was adopted; nothing while there is none."""

    def __init__(self, tally: Callable[[], ShadowTally | None]) -> None:
        self._tally = tally

    def collect(self) -> Iterable[Metric]:
        """What Prometheus' client asks for."""
        tally = self._tally()
        if tally is None:
            return
        counts = tally.counts()
        labels = [str(counts.version)]
        counted = {
            "requests": ("Requests that the shadow was asked.", counts.requests),
            "errors": ("Requests that the shadow did not answer.", counts.errors),
            "dropped": ("Requests that the shadow was not asked, as too many waited.", counts.dropped),
            "predictions": ("Rows predicted in the shadow.", counts.rows),
        }
        for name, (meaning, value) in counted.items():
            counter = CounterMetricFamily(f"mvops_shadow_{name}", meaning, labels=["version"])
            counter.add_metric(labels, value)
            yield counter
        gauges = {
            "disagreement": ("The share of rows with another class than was answered.", counts.disagreement),
            "difference": ("The mean absolute difference from what was answered.", counts.mean_difference),
            "latency_p99_ms": ("The 99th percentile of the shadow's latency.", counts.latency_p99_ms),
        }
        for name, (meaning, found) in gauges.items():
            if found is not None:
                gauge = GaugeMetricFamily(f"mvops_shadow_{name}", meaning, labels=["version"])
                gauge.add_metric(labels, found)
                yield gauge
