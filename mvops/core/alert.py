"""An alert: opened once, counted while it lasts, resolved."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from mvops.core.frozen import Frozen

AlertKind = Literal["drift", "performance", "data", "prediction"]


class Alert(Frozen):
    """`key` deduplicates: at most one alert with a key is open for a model. Times are event times of the windows."""

    id: int
    model: str
    version: int
    kind: AlertKind
    key: str  # such as drift:temp
    status: Literal["open", "resolved"]
    severity: Literal["warning", "critical"]
    opened: datetime
    last_seen: datetime
    windows: int  # how many windows it has lasted
    reason: str  # one sentence with the numbers
    resolved: datetime | None = None


def why_over(alert: Alert) -> str:
    """Why a resolved alert is over: it has been quiet for long enough, or what it was about answers nothing now."""
    if alert.resolved == alert.last_seen:
        return f"version {alert.version} does not answer any more"
    return f"quiet since {alert.last_seen:%Y-%m-%d %H:%M} UTC"
