"""Monitoring somebody else's log: no project, no endpoint of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mvops.monitoring.own_log import monitor_log


def monitor_own_log(
    log: Path, baseline: Path, *, time: str, prediction: str | None, every: str, false_alarms: str
) -> list[dict[str, Any]]:
    """Judge each window of `log` (CSV or Parquet) against the rows of `baseline`.

    Each window is {"start", "end", "rows", "alert", "drifted": [...]}. Raises UsageError for a duration or a rate that
    is none, DataError for files and columns that do not fit.
    """
    return monitor_log(log, baseline, time=time, prediction=prediction, every=every, false_alarms=false_alarms)
