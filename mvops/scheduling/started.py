"""Whether the clock started this process, or somebody who typed a command."""

from __future__ import annotations

import os
from pathlib import Path

BY_CLOCK = "MVOPS_BY_CLOCK"  # says so in a crontab, and to the commands of a job: 1, or 0 for one that was run by hand


def started_by_clock(log: Path, mark: tuple[str, str] | None) -> bool:
    """`mark` is a variable that the scheduler sets itself, and how its value begins.

    `log` is what a crontab adds to: those of earlier versions say nothing else.
    """
    if BY_CLOCK in os.environ:
        return os.environ[BY_CLOCK] == "1"
    if mark is not None and os.environ.get(mark[0], "").startswith(mark[1]):
        return True
    try:
        return os.path.samestat(os.fstat(1), log.stat())
    except OSError:
        return False
