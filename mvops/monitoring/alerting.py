"""From verdicts to alerts: opened once, touched while they last, resolved when it has been quiet for a while."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, TypeAlias

from mvops.core.alert import Alert, AlertKind
from mvops.core.frozen import Frozen
from mvops.monitoring.verdict import Verdict

CLEAN_WINDOWS = 3  # without the alarm, before its alert is resolved


class Open(Frozen):
    """A new alert."""

    verb: Literal["open"] = "open"
    key: str
    kind: AlertKind
    severity: Literal["warning", "critical"]
    reason: str
    start: datetime
    end: datetime


class Touch(Frozen):
    """The alert lasts; it was seen in one window more."""

    verb: Literal["touch"] = "touch"
    alert: int
    severity: Literal["warning", "critical"]
    reason: str
    end: datetime


class Resolve(Frozen):
    """It is over."""

    verb: Literal["resolve"] = "resolve"
    alert: int
    end: datetime


Transition: TypeAlias = Open | Touch | Resolve


def transitions(
    open_alerts: Sequence[Alert],
    verdict: Verdict,
    *,
    judged: Sequence[datetime] | None = None,
    clean: int = CLEAN_WINDOWS,
) -> list[Transition]:
    """What this verdict does to the alerts that are open.

    An alert's `last_seen` must be the end of the last window in which it was seen. `judged` are the ends of earlier
    windows that were judged; where it is not given, every window since `last_seen` counts as quiet. A window that was
    not judged (silence, too few rows) neither opens, touches nor resolves, and in `judged` does not count as quiet.
    A window that has been counted before changes nothing, so running again is safe.
    """
    known = {alert.key: alert for alert in open_alerts if alert.status == "open"}
    alarms = {finding.key: finding for finding in verdict.alarms}
    found: list[Transition] = []
    for key, finding in alarms.items():
        alert = known.get(key)
        if alert is None:
            found.append(
                Open(
                    key=key,
                    kind=finding.kind,
                    severity=finding.severity,
                    reason=finding.sentence,
                    start=verdict.start,
                    end=verdict.end,
                )
            )
        elif verdict.end > alert.last_seen:
            worst: Literal["warning", "critical"] = (
                "critical" if "critical" in (alert.severity, finding.severity) else "warning"
            )
            found.append(Touch(alert=alert.id, severity=worst, reason=finding.sentence, end=verdict.end))
    for key, alert in known.items():
        observed = verdict.status == "judged" or any(f.key == key for f in verdict.findings)
        quiet = _quiet_windows(alert, verdict, judged)
        if observed and key not in alarms and quiet >= clean:
            found.append(Resolve(alert=alert.id, end=verdict.end))
    return found


def _quiet_windows(alert: Alert, verdict: Verdict, judged: Sequence[datetime] | None) -> int:
    if judged is None:
        return max(0, (verdict.end - alert.last_seen) // (verdict.end - verdict.start))
    return sum(alert.last_seen < end <= verdict.end for end in {*judged, verdict.end})
