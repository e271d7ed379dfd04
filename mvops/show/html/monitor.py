"""What a monitor found, in a notebook: each window, and for the newest one a row for each feature."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from markupsafe import Markup

from mvops.core.counts import counted
from mvops.monitoring.verdict import Finding
from mvops.show.html.parts import bold, code, folded, framed, heading, line, table, toned
from mvops.show.monitor import drifted, report_lines, resolved_words, unwatched_words
from mvops.usecases.monitor import Report, Window

_WINDOWS = 60  # the newest ones
_FEATURES = 5  # windows whose features are shown


def html(report: Report) -> Markup:
    """Alerts first, then the windows, then what was found in each feature."""
    new = f"{counted(report.predictions, 'new prediction')}, {counted(report.outcomes, 'new outcome')}"
    newest = sorted(report.windows, key=lambda window: window.verdict.start, reverse=True)
    judged = [window for window in newest if window.verdict.findings]
    telling = [window for window in judged if window is judged[0] or window.verdict.alarms]
    return framed(
        bold(f"{report.model}: {new}"),
        *_alerts(report),
        table(("window (UTC)", "version", "rows", "outcomes", "verdict"), map(_window, newest[:_WINDOWS])),
        *([line(f"{len(newest) - _WINDOWS} earlier windows", "soft")] if len(newest) > _WINDOWS else []),
        *(_features(window, unfolded=at == 0) for at, window in enumerate(telling[:_FEATURES])),
    )


def text(report: Report) -> Iterator[str]:
    """As on a terminal."""
    yield from (said for said, _ in report_lines(report))


def _alerts(report: Report) -> Iterator[Markup]:
    opened = {alert.id for alert in report.opened}
    for alert in (*report.opened, *(alert for alert in report.still_open if alert.id not in opened)):
        state = "ALERT" if alert.id in opened else "still open"
        said = f"{state} {alert.severity} since {alert.opened:%Y-%m-%d} {alert.key} (version {alert.version})"
        yield line(f"{said}: {alert.reason}", "bad")
    for alert in report.resolved:
        yield line(resolved_words(alert), "good")
    if report.unwatched:
        yield line(unwatched_words(report))
    for sentence in report.undelivered:
        yield line(f"NOT DELIVERED to {sentence}", "bad")


def _window(window: Window) -> tuple[object, ...]:
    found, measured = window.whole, window.performance
    outcomes = "" if measured is None else f"{window.leading} {measured.value:.3f} on {window.labelled}"
    if found.alarms:
        known = "" if window.verdict.alarms else " (known)"
        verdict = toned(f"drifting: {', '.join(drifted(window)[:6])}{known}", "bad")
    elif found.status == "judged":
        verdict = toned("no drift", "good")
    else:
        verdict = toned(f"not judged: {found.status}", "soft")
    return f"{found.start:%Y-%m-%d %H:%M}", window.version, found.rows, outcomes, verdict


def _features(window: Window, *, unfolded: bool) -> Markup:
    said = f"window {window.verdict.start:%Y-%m-%d %H:%M}, version {window.version}: by feature"
    heads = ("feature", "what", "value", "threshold", "size", "PSI", "verdict", "")
    return folded(heading(said), table(heads, map(_finding, _in_order(window.verdict.findings))), unfolded=unfolded)


def _in_order(findings: Sequence[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: not finding.alarm)


def _finding(found: Finding) -> tuple[object, ...]:
    psi = "" if found.psi is None else f"{found.psi:.3f}"
    numbers = (f"{found.value:.3g}", f"{found.threshold:.3g}", f"{found.effect:.2f}", psi)
    said = found.sentence if found.alarm else ""
    return code(found.feature), f"{found.kind}, {found.statistic}", *numbers, _verdict(found), said


def _verdict(found: Finding) -> Markup:
    if found.alarm:
        return toned(found.severity, "bad" if found.severity == "critical" else "warn")
    if found.significant:
        return toned("certain, but small", "soft")
    return toned("large, but not certain" if found.material else "quiet", "soft" if found.material else "good")
