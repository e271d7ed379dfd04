"""What a monitor found, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mvops.core.alert import Alert, why_over
from mvops.core.counts import counted
from mvops.usecases.monitor import Report, Window

if TYPE_CHECKING:  # it brings pandas, which only --log needs
    from mvops.monitoring.own_log import LogReport

Line = tuple[str, str]


def report_lines(report: Report, *, told: bool = False) -> Iterator[Line]:
    """A line for each window, then what opened and what was resolved, unless whoever reads this was `told` already."""
    new = f"{counted(report.predictions, 'new prediction')}, {counted(report.outcomes, 'new outcome')}"
    yield f"{report.model}: {new}", "bold"
    for window in report.windows:
        yield f"  {_window(window)}", "yellow" if window.whole.alarms else ""
    for alert in () if told else report.opened:
        since = f"{alert.opened:%Y-%m-%d}"
        yield f"  ALERT {alert.severity} {since} {alert.key} (version {alert.version}): {alert.reason}", "red"
    for alert in () if told else report.resolved:
        yield f"  {resolved_words(alert)}", "green"
    for sentence in report.undelivered:
        yield f"  NOT DELIVERED to {sentence}", "red"
    if report.unwatched:
        yield f"  {unwatched_words(report)}", "dim"
    if report.still_open:
        yield f"  {counted(len(report.still_open), 'alert')} open: mvops status", ""


def unwatched_words(report: Report) -> str:
    """Which columns nothing can be said of."""
    return f"not watched, as the log does not keep them: {', '.join(report.unwatched)}"


def resolved_words(alert: Alert) -> str:
    """Which one is over, how long it lasted, and why it is over."""
    lasted = counted(alert.windows, "window")
    return f"resolved {alert.key} (version {alert.version}) after {lasted}: {why_over(alert)}"


def report_json(report: Report) -> dict[str, Any]:
    """The same for scripts, with every finding that is an alarm."""
    return {
        "model": report.model,
        "predictions": report.predictions,
        "outcomes": report.outcomes,
        "windows": [
            {
                "version": window.version,
                "start": window.verdict.start.isoformat(),
                "end": window.verdict.end.isoformat(),
                "rows": window.verdict.rows,
                "status": window.verdict.status,
                "data_judged_before": window.before is not None,
                "alert": bool(window.whole.alarms),
                "drifted": drifted(window),
                "findings": [finding.model_dump(mode="json") for finding in window.whole.alarms],
                "labelled": window.labelled,
                "performance": {window.leading: window.performance.value} if window.performance else None,
            }
            for window in report.windows
        ],
        "opened": [alert.model_dump(mode="json") for alert in report.opened],
        "resolved": [alert.model_dump(mode="json") | {"because": why_over(alert)} for alert in report.resolved],
        "open": [alert.model_dump(mode="json") for alert in report.still_open],
        "undelivered": list(report.undelivered),
        "unwatched": list(report.unwatched),
    }


def own_log_lines(found: LogReport) -> Iterator[Line]:
    """Somebody else's log: what is not watched, and a line for each window."""
    yield from ((f"not watched: {column}: {reason}", "dim") for column, reason in found.left_out.items())
    windows = found.windows
    for window in windows:
        drifted = ", ".join(window["drifted"])
        calm = "quiet" if window["status"] == "judged" else f"not judged: {window['status']}"
        verdict = f"ALERT {drifted}" if window["alert"] else calm
        yield f"{window['start']}  {window['rows']:>8} rows  {verdict}", "red" if window["alert"] else ""
        yield from ((f"    {reason}", "") for reason in window["reasons"].values())
    alerts = sum(bool(window["alert"]) for window in windows)
    yield f"{counted(len(windows), 'window')}, {alerts} with an alert", "bold"


def drifted(window: Window) -> list[str]:
    """Each feature once, the most important first."""
    return list(dict.fromkeys(finding.feature for finding in window.whole.alarms))


def _window(window: Window) -> str:
    verdict = window.whole
    parts = [f"{verdict.start:%Y-%m-%d %H:%M}", f"v{window.version}", f"{verdict.rows:>6} rows"]
    if window.performance is not None:
        parts.append(f"{window.leading} {window.performance.value:.3f} on {window.labelled} outcomes")
    if verdict.alarms:
        known = "" if window.verdict.alarms else " (known)"
        parts.append(f"drifting: {', '.join(drifted(window)[:6])}{known}")
    elif verdict.status != "judged":
        parts.append(f"not judged: {verdict.status}")
    return "  ".join(parts)
