"""What stands in each panel of a model."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from markupsafe import Markup

from mvops.core.layout import Panel
from mvops.usecases.overview import DriftWindow, ModelView
from mvops.web.charts import Series, lines, shares, stacked

_SHOWN = 3  # windows with alarms, and alarms of a window


def time(moment: datetime) -> str:
    """To the minute."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def number(value: float) -> str:
    """With commas."""
    return f"{value:,.0f}"


def percent(share: float | None) -> str:
    """Nothing where nothing is known."""
    return "" if share is None else f"{share:.2%}"


def _note(text: str) -> Markup:
    return Markup('<p class="note">{}</p>').format(text)


def _table(heads: Iterable[str], rows: Iterable[Iterable[object]]) -> Markup:
    head = Markup("").join(Markup("<th>{}</th>").format(text) for text in heads)
    body = Markup("").join(
        Markup("<tr>{}</tr>").format(Markup("").join(Markup("<td>{}</td>").format(cell) for cell in row))
        for row in rows
    )
    return Markup("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>").format(head, body)


def _starts(model: ModelView) -> list[datetime]:
    """Every hour or day from the first to the last, also those without a prediction."""
    assert model.numbers is not None
    step = timedelta(hours=1) if model.numbers.width == "hour" else timedelta(days=1)
    first, last = model.numbers.counts[0].start, model.numbers.counts[-1].start
    return [first + step * i for i in range(int((last - first) / step) + 1)]


def _label(model: ModelView, start: datetime) -> str:
    assert model.numbers is not None
    return f"{start:%m-%d %H:00}" if model.numbers.width == "hour" else f"{start:%m-%d}"


def _traffic(model: ModelView) -> Markup:
    if model.numbers is None:
        return _note("No predictions yet.")
    starts = _starts(model)
    names = sorted({(count.version, count.arm) for count in model.numbers.counts})
    found = {(count.version, count.arm, count.start): count.rows for count in model.numbers.counts}
    series = [Series(f"version {v} {arm}", [found.get((v, arm, start)) for start in starts]) for v, arm in names]
    cut = _note("Only the newest predictions are counted: there are more in this time.") if model.numbers.cut else ""
    said = f"Predictions per {model.numbers.width}, by version and arm."
    return _note(said) + stacked([_label(model, start) for start in starts], series, "predictions") + cut


def _predictions(model: ModelView) -> Markup:
    if not model.distributions:
        return _note("No predictions of a version with a baseline yet.")
    parts = []
    for one in model.distributions:
        what = "probability" if one.name == "score" else "prediction"
        parts.append(_note(f"Version {one.version}: {what}, the last {number(one.rows)} beside the held-out rows."))
        parts.append(shares(one.bins, one.shares, one.baseline))
    return Markup("").join(parts)


def _latency(model: ModelView) -> Markup:
    parts = []
    if model.live and model.live.arms:
        heads = ("since the endpoint started", "rows", "p50", "p99")
        rows = [
            (f"version {a.version} {a.arm}", number(a.rows), _ms(a.latency_p50_ms), _ms(a.latency_p99_ms))
            for a in model.live.arms
        ]
        parts.append(_table(heads, rows))
    if model.numbers is None:
        return Markup("").join([*parts, _note("No predictions yet.")])
    starts = _starts(model)
    found = {one.start: one for one in model.numbers.latency}
    series = [
        Series(name, [getattr(found[start], name) if start in found else None for start in starts])
        for name in ("p50", "p99")
    ]
    parts.append(_note(f"Milliseconds from request to answer, by {model.numbers.width}, from the prediction log."))
    parts.append(lines([_label(model, start) for start in starts], series, "ms"))
    return Markup("").join(parts)


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} ms"


def _errors(model: ModelView) -> Markup:
    live = model.live
    if live is None:
        return _note("No endpoint, so nothing counts errors.")
    if not live.up or live.note:
        return _note(f"{live.url}: {live.note}")
    if not live.requests:
        return _note(f"{live.url}: no requests to /predict since it started.")
    rows = [(status, _MEANS.get(status[0], ""), number(count)) for status, count in live.statuses.items()]
    said = f"{live.url}, since it started: {percent(live.share('5'))} failed, {percent(live.share('4'))} were refused."
    return _note(said) + _table(("status", "", "requests"), rows)


_MEANS = {"2": "answered", "4": "refused", "5": "failed"}


def _drift(model: ModelView) -> Markup:
    if not model.windows:
        return _note(f"No windows yet: mvops monitor {model.model}")
    labels = [f"{window.start:%m-%d %H:%M}" for window in model.windows]
    series = [Series("largest change of a column", [window.largest for window in model.windows])]
    said = "In standard deviations of the baseline, or the like; below the line it is not material, however certain."
    rows = [
        (f"{window.start:%Y-%m-%d %H:%M}", f"version {window.version}", number(window.rows), _verdict(window))
        for window in reversed(model.windows)
        if window.alarms or window is model.windows[-1]
    ]
    table = _table(("window", "", "rows", "verdict"), rows[:_SHOWN])
    return _note(said) + lines(labels, series, "", model.effect) + table


def _verdict(window: DriftWindow) -> str | Markup:
    if not window.alarms:
        return "no drift" if window.status == "judged" else f"not judged: {window.status}"
    told = [Markup("{} {}").format(_severity(alarm.severity), alarm.sentence) for alarm in window.alarms[:_SHOWN]]
    more = len(window.alarms) - _SHOWN
    return Markup("<br>").join([*told, *([f"and {more} more"] if more > 0 else [])])


def _severity(severity: str) -> Markup:
    return Markup('<b class="{}">{}</b>').format("bad" if severity == "critical" else "warn", severity)


def _performance(model: ModelView) -> Markup:
    known = [window for window in model.windows if window.value is not None]
    if not known:
        return _note("No outcomes yet: POST /outcomes, or mvops outcomes import")
    name = known[-1].metric or ""
    promised = model.champion.metrics.get(name) if model.champion else None
    labels = [f"{window.start:%m-%d %H:%M}" for window in known]
    said = f"{name} by window, from outcomes" + ("" if promised is None else f"; held-out rows: {promised:.4f} (line)")
    return _note(said) + lines(labels, [Series(name, [window.value for window in known])], "", promised)


def _alerts(model: ModelView) -> Markup:
    if not model.alerts:
        return _note("None open.")
    rows = [
        (
            _severity(a.severity),
            f"{a.opened:%Y-%m-%d %H:%M}",
            f"version {a.version}",
            a.reason,
        )
        for a in model.alerts
    ]
    return _table(("", "since", "", "why"), rows)


def _events(model: ModelView) -> Markup:
    if not model.events:
        return _note("Nothing yet.")
    rows = [(f"{event.time:%Y-%m-%d %H:%M}", event.kind, event.message) for event in model.events]
    return _table(("when", "what", ""), rows)


PANELS: dict[Panel, tuple[str, Callable[[ModelView], Markup]]] = {
    "traffic": ("Predictions", _traffic),
    "predictions": ("Distribution of predictions", _predictions),
    "latency": ("Latency", _latency),
    "errors": ("Errors", _errors),
    "drift": ("Drift", _drift),
    "performance": ("Performance", _performance),
    "alerts": ("Open alerts", _alerts),
    "events": ("What happened last", _events),
}
