"""What a running endpoint says of itself: its counters, as Prometheus would read them, since it was started."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

from mvops.core.frozen import Frozen
from mvops.errors import ServingError
from mvops.serving.client import KeyAskedError
from mvops.usecases.reaching import endpoint_client, who_else
from mvops.workspace import Workspace

_PATIENCE = 2  # seconds; a page should not wait for an endpoint that hangs


class LiveArm(Frozen):
    """A version in an arm since the endpoint started. Latencies are in milliseconds, None before the first answer."""

    version: str
    arm: str
    rows: int
    latency_p50_ms: float | None
    latency_p99_ms: float | None


class Live(Frozen):
    """An endpoint now. `statuses` counts requests to /predict by status; `note` says why there are no numbers."""

    url: str
    up: bool
    statuses: dict[str, int]
    arms: tuple[LiveArm, ...]
    note: str = ""

    @property
    def requests(self) -> int:
        """All that were answered in any way."""
        return sum(self.statuses.values())

    def share(self, first: str) -> float | None:
        """The share of requests whose status begins with this digit; None before the first."""
        of = sum(count for status, count in self.statuses.items() if status.startswith(first))
        return of / self.requests if self.requests else None


def live(workspace: Workspace, model: str) -> Live | None:
    """Ask the model's endpoint; None for a model without one."""
    if workspace.model(model).endpoint is None or not workspace.project.capabilities.serving:
        return None
    client = endpoint_client(workspace, model, _PATIENCE)
    try:
        text = client.metrics()
    except KeyAskedError as error:
        return Live(url=client.url, up=True, statuses={}, arms=(), note=f"{error.message}. {error.hint}")
    except ServingError:
        return Live(url=client.url, up=False, statuses={}, arms=(), note=f"not running: mvops serve {model}")
    if other := who_else(workspace, model, client):
        return Live(url=client.url, up=False, statuses={}, arms=(), note=other)
    try:
        return read_metrics(client.url, text)
    except ImportError:
        note = "its numbers cannot be read here: pip install 'mvops[serve]'"
    except ValueError:
        note = "what it says is no metrics of an endpoint: is another program on its port?"
    return Live(url=client.url, up=True, statuses={}, arms=(), note=note)


def read_metrics(url: str, text: str) -> Live:
    """Prometheus' text. Raises ImportError without the extra `serve`, ValueError for text that is something else."""
    from prometheus_client.parser import text_string_to_metric_families  # noqa: PLC0415 -- an optional extra

    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    named = defaultdict(list)
    for sample in samples:
        named[sample.name].append(sample)
    if not any(name.startswith("mvops_") for name in named):
        raise ValueError("no metric of mvops")
    statuses: dict[str, int] = defaultdict(int)
    for sample in named["mvops_requests_total"]:
        if sample.labels["path"] == "/predict":
            statuses[sample.labels["status"]] += int(sample.value)
    return Live(url=url, up=True, statuses=dict(sorted(statuses.items())), arms=tuple(_arms(named)))


def _arms(named: dict[str, list[Any]]) -> Iterator[LiveArm]:
    buckets = named["mvops_predict_seconds_bucket"]
    for sample in named["mvops_predictions_total"]:
        version, arm = sample.labels["version"], sample.labels["arm"]
        mine = [
            (float(b.labels["le"]), b.value)
            for b in buckets
            if (b.labels["version"], b.labels["arm"]) == (version, arm)
        ]
        yield LiveArm(
            version=version,
            arm=arm,
            rows=int(sample.value),
            latency_p50_ms=_quantile(0.5, mine),
            latency_p99_ms=_quantile(0.99, mine),
        )


def _quantile(share: float, buckets: Iterable[tuple[float, float]]) -> float | None:
    """As Prometheus' histogram_quantile: evenly spread within a bucket; above the last edge, that edge."""
    cumulated = sorted(buckets)
    whole = cumulated[-1][1] if cumulated else 0
    if not whole:
        return None
    rank = share * whole
    for (low, before), (high, upto) in pairwise([(0.0, 0.0), *cumulated]):
        if upto >= rank and upto > before:
            if math.isinf(high):
                return low * 1000
            return 1000 * (low + (high - low) * (rank - before) / (upto - before))
    return None
