"""What was predicted, for Prometheus: classes counted, scores and values in histograms, by version and arm.

The bins of values are those of the version's baseline, so two versions may have different ones; a metric of Prometheus'
client has one set of bins for all its labels, hence a collector. Series are bounded: by the routed versions, by the
classes of the signature and by the bins.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from mvops.core.version import Version
from mvops.errors import MvopsError
from mvops.serving.answers import Answers

if TYPE_CHECKING:
    from mvops.artifacts.store import ArtifactStore

_MOST_CLASSES = 20  # with a series of their own
_OTHER = "other"
_FEW = 8  # rows that are counted sooner one by one
_LENGTH = 64  # characters of a class that are told
_SCORES = tuple(round(0.05 * step, 2) for step in range(1, 21))
_VALUES = tuple(sign * 10.0**power for sign, powers in ((-1, range(6, -4, -1)), (1, range(-3, 7))) for power in powers)
_LABELS = ("version", "arm")


class _Bins:
    """A histogram: counts by the first edge that a value does not exceed."""

    def __init__(self, edges: Sequence[float], *, summed: bool = False) -> None:
        self._summed = summed
        self._edges = tuple(edges)
        self._counts = [0] * (len(self._edges) + 1)
        self._sum = 0.0

    def add(self, values: Sequence[float]) -> None:
        self._sum += sum(values)
        if len(values) == 1:
            self._counts[bisect_left(self._edges, values[0])] += 1
            return
        ordered = sorted(values)  # a thousand rows of one request are counted on the event loop: four times faster so
        before = 0
        for place, edge in enumerate(self._edges):
            upto = bisect_right(ordered, edge, before)
            self._counts[place] += upto - before
            before = upto
        self._counts[-1] += len(ordered) - before

    def told(self) -> tuple[list[tuple[str, float]], float | None]:
        """Cumulated, as Prometheus wants it; a sum only where it never falls."""
        whole = 0
        buckets: list[tuple[str, float]] = []
        for edge, count in zip((*self._edges, math.inf), self._counts, strict=True):
            whole += count
            buckets.append(("+Inf" if edge == math.inf else repr(edge), whole))
        return buckets, self._sum if self._summed else None


class Predicted:
    """One version in one arm. `edges` are the bins of its values; a classifier has scores between 0 and 1."""

    def __init__(self, version: Version, edges: Sequence[float] = _VALUES) -> None:
        signature = version.signature
        self.classifies = signature.task == "classification"
        self._names = {value: _name(value) for value in signature.classes[:_MOST_CLASSES]}
        self.classes = dict.fromkeys(self._names.values(), 0)
        self.scores = _Bins(_SCORES, summed=True) if self.classifies and signature.probabilities else None
        self.values = None if self.classifies else _Bins(edges)

    def count(self, answers: Answers) -> None:
        """Count the predictions of one request."""
        if self.values is not None:
            self.values.add(answers.predictions)
            return
        few = len(answers.predictions) < _FEW
        for value, count in ((v, 1) for v in answers.predictions) if few else Counter(answers.predictions).items():
            name = self._names.get(value, _OTHER)
            self.classes[name] = self.classes.get(name, 0) + count
        if self.scores is not None and answers.probabilities:
            two = len(answers.probabilities[0]) == 2
            self.scores.add([row[1] for row in answers.probabilities] if two else [*map(max, answers.probabilities)])


class PredictedMetrics(Collector):
    """All that are routed."""

    def __init__(self) -> None:
        self._of: dict[tuple[str, str], Predicted] = {}

    def add(self, version: int, arm: str, predicted: Predicted) -> None:
        """Tell of this one from now on."""
        self._of[str(version), arm] = predicted

    def forget(self, version: int, arm: str) -> None:
        """Tell of it no more."""
        self._of.pop((str(version), arm), None)

    def collect(self) -> Iterable[Metric]:
        """What Prometheus' client asks for."""
        classes = CounterMetricFamily("mvops_predicted_classes", "Rows by predicted class.", labels=[*_LABELS, "class"])
        scores = HistogramMetricFamily("mvops_predicted_score", "Predicted probabilities.", labels=_LABELS)
        values = HistogramMetricFamily("mvops_predicted_value", "Predicted values.", labels=_LABELS)
        for labels, found in list(self._of.items()):
            for name, count in list(found.classes.items()):
                classes.add_metric([*labels, name], count)
            for family, bins in ((scores, found.scores), (values, found.values)):
                if bins is not None:
                    family.add_metric(labels, *bins.told())
        yield from (family for family in (classes, scores, values) if family.samples)


def baseline_edges(version: Version, store: ArtifactStore) -> tuple[float, ...]:
    """The ends of the bins by which the baseline measures predicted values; powers of ten where it has none."""
    if version.signature.task == "classification" or version.baseline is None:
        return _VALUES
    try:
        found: Any = json.loads(store.read_bytes(version.baseline.sha256))
        edges = tuple(float(edge) for edge in found["predictions"]["prediction"]["ruler"]["edges"][1:])
    except (MvopsError, ValueError, KeyError, TypeError):
        return _VALUES  # it is only told to people: nothing that would keep a model from answering
    return edges or _VALUES


def _name(value: Any) -> str:
    """A class as a label; whole numbers and truth values without a point, as the monitor writes them."""
    if isinstance(value, (bool, int, float)) and math.isfinite(value) and value == int(value):
        return str(int(value))[:_LENGTH]
    return str(value)[:_LENGTH]
