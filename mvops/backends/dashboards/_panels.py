"""The panels of a model's dashboard in Grafana, each with the PromQL of what an endpoint's /metrics exports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from mvops.contracts.dashboards import Board

_ARM = "version {{version}} {{arm}}"


@dataclass(frozen=True)
class _Panel:
    """`targets` are expressions with what stands in the legend; `said` explains the panel to people."""

    title: str
    said: str
    kind: str
    unit: str
    targets: tuple[tuple[str, str], ...]


def panels(board: Board) -> Iterator[dict[str, Any]]:
    """From top to bottom, two in a row."""
    series = _Series(board)
    made = [*_traffic(series), *_distributions(series, board.task), *_latency(series), *_errors(series)]
    for number, panel in enumerate([*made, *_inside(series)]):
        yield {
            "id": number + 1,
            "title": panel.title,
            "description": panel.said,
            "type": panel.kind,
            "gridPos": {"h": 8, "w": 12, "x": 12 * (number % 2), "y": 8 * (number // 2)},
            "targets": [_target(place, panel.kind, *target) for place, target in enumerate(panel.targets)],
            **_LOOKS[panel.kind](panel.unit),
        }


class _Series:
    """Writes PromQL about one model."""

    def __init__(self, board: Board) -> None:
        self._mine = f'project="{board.project}",model="{board.model}"'

    def of(self, metric: str, *, where: str = "") -> str:
        """The series of a metric."""
        return f"{metric}{{{self._mine}{where}}}"

    def rate(self, metric: str, *by: str, where: str = "") -> str:
        """How fast a counter grows, summed by labels."""
        grouped = f"sum by ({', '.join(by)}) " if by else "sum"
        return f"{grouped}(rate({self.of(metric, where=where)}[$__rate_interval]))"

    def share(self, metric: str, *by: str) -> str:
        """Of each of the labels, its share of the whole."""
        return f"{self.rate(metric, *by)} / ignoring ({', '.join(by)}) group_left {self.rate(metric)}"


def _traffic(series: _Series) -> Iterator[_Panel]:
    metric, by = "mvops_predictions_total", ("version", "arm")
    said = "Rows answered, by version and arm. Load tests are not counted."
    yield _Panel("Predictions per second", said, "timeseries", "cps", ((series.rate(metric, *by), _ARM),))
    said = "Of each version: how far a canary is."
    yield _Panel("Traffic share", said, "timeseries", "percentunit", ((series.share(metric, *by), _ARM),))


def _distributions(series: _Series, task: str) -> Iterator[_Panel]:
    if task == "classification":
        shares = ((series.share("mvops_predicted_classes_total", "class"), "{{class}}"),)
        said = "The share of each class among the predictions."
        yield _Panel("Predicted classes", said, "timeseries", "percentunit", shares)
    name, said = {
        "classification": ("score", "The probability of the second of two classes; of more, that of the likeliest."),
        "regression": ("value", "In the bins of the version's baseline."),
    }[task]
    metric = f"mvops_predicted_{name}"
    bins = ((series.rate(f"{metric}_bucket", "le"), "{{le}}"),)
    yield _Panel(f"Distribution of the predicted {name}", said, "heatmap", "none", bins)
    by = series.rate(f"{metric}_bucket", "le", "version", "arm")  # no means: a sum of negative values is no counter
    middle = tuple((f"histogram_quantile({q}, {by})", f"p{round(q * 100)} {_ARM}") for q in (0.1, 0.5, 0.9))
    yield _Panel(f"Predicted {name} by version", "Median, and the middle 80 %.", "timeseries", "none", middle)


def _latency(series: _Series) -> Iterator[_Panel]:
    metric = "mvops_predict_seconds_bucket"
    whole = series.rate(metric, "le")
    quantiles = tuple((f"histogram_quantile({q}, {whole})", f"p{round(q * 100)}") for q in (0.5, 0.95, 0.99))
    yield _Panel("Latency", "From request to answer.", "timeseries", "s", quantiles)
    slowest = f"histogram_quantile(0.99, {series.rate(metric, 'le', 'version')})"
    said = "Is the challenger slower than the champion?"
    yield _Panel("Latency p99 by version", said, "timeseries", "s", ((slowest, "version {{version}}"),))


def _errors(series: _Series) -> Iterator[_Panel]:
    metric, predict = "mvops_requests_total", ',path="/predict"'
    by_status = series.rate(metric, "status", where=predict)
    said = "200 answered, 4xx refused, 5xx failed."
    yield _Panel("Requests by status", said, "timeseries", "reqps", ((by_status, "{{status}}"),))
    every = series.rate(metric, where=predict)
    some = {name: f'{predict},status=~"{first}.."' for first, name in ((5, "failed"), (4, "refused"))}
    shares = tuple((f"({series.rate(metric, where=w)} or vector(0)) / {every}", name) for name, w in some.items())
    said = "The share of requests that failed (5xx) or were refused (4xx)."
    yield _Panel("Error rate", said, "timeseries", "percentunit", shares)


def _inside(series: _Series) -> Iterator[_Panel]:
    yield _Panel("Endpoint", "1 while Prometheus reaches it.", "stat", "none", ((series.of("up"), "up"),))
    said = "Acknowledged predictions that are on the endpoint's disk."
    waiting = ((series.of("mvops_spool_bytes"), "waiting"),)
    yield _Panel("Not yet in the prediction log", said, "timeseries", "bytes", waiting)
    said = "For how long the oldest of them has waited."
    lag = ((series.of("mvops_flush_lag_seconds"), "lag"),)
    yield _Panel("Lag of the prediction log", said, "timeseries", "s", lag)
    mean = f"{series.rate('mvops_batch_rows_sum')} / {series.rate('mvops_batch_rows_count')}"
    said = "How many rows the model predicts at once, on average."
    yield _Panel("Rows in a batch", said, "timeseries", "none", ((mean, "rows"),))
    said = "Since the endpoint started; the others go on answering."
    failures = ((series.of("mvops_model_load_failures_total"), "failures"),)
    yield _Panel("Versions that could not be loaded", said, "stat", "none", failures)


def _target(place: int, kind: str, expression: str, legend: str) -> dict[str, Any]:
    found = {"refId": chr(ord("A") + place), "expr": expression, "legendFormat": legend, "editorMode": "code"}
    return found | {"format": "heatmap" if kind == "heatmap" else "time_series", "range": True}


def _timeseries(unit: str) -> dict[str, Any]:
    lines = {"lineWidth": 2, "fillOpacity": 10, "showPoints": "never", "spanNulls": False}
    return {
        "fieldConfig": {
            "defaults": {"unit": unit, **({} if unit == "none" else {"min": 0}), "custom": lines},
            "overrides": [],
        },
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
    }


def _heatmap(unit: str) -> dict[str, Any]:
    del unit
    return {
        "fieldConfig": {"defaults": {}, "overrides": []},
        "options": {
            "calculate": False,
            "cellGap": 1,
            "color": {
                "mode": "scheme",
                "scheme": "Blues",
                "steps": 64,
                "reverse": False,
                "scale": "exponential",
                "exponent": 0.5,
                "fill": "blue",
            },
            "yAxis": {"axisPlacement": "left", "unit": "short"},
            "tooltip": {"mode": "single", "yHistogram": True, "showColorScale": False},
            "legend": {"show": True},
        },
    }


def _stat(unit: str) -> dict[str, Any]:
    return {
        "fieldConfig": {"defaults": {"unit": unit}, "overrides": []},
        "options": {
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "colorMode": "value",
            "graphMode": "area",
            "justifyMode": "auto",
            "orientation": "auto",
            "textMode": "auto",
        },
    }


_LOOKS: dict[str, Callable[[str], dict[str, Any]]] = {"timeseries": _timeseries, "heatmap": _heatmap, "stat": _stat}
