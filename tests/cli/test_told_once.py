"""What is said on a terminal is said once."""

from __future__ import annotations

import subprocess
from pathlib import Path

from days import log_day
from toy_project import COMMAND, environment


def monitored(project: Path, until: str) -> str:
    """All that `mvops monitor` prints where output and errors come to one place."""
    command = [*COMMAND, "monitor", "toy", "--until", until]
    done = subprocess.run(
        command,
        cwd=project,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout


def test_an_alert_is_printed_once_where_output_and_errors_come_to_one_place(project: Path) -> None:
    log_day(project, 0, older=30)
    said = monitored(project, "2024-03-02")
    alerts = [line for line in said.splitlines() if line.strip().startswith("ALERT")]
    assert len(alerts) == 1, said
    assert alerts[0].startswith("ALERT (")  # the notifier's


def test_what_is_over_by_the_time_it_is_told_alarms_nobody(project: Path) -> None:
    log_day(project, 0, older=30)
    for day in range(1, 8):
        log_day(project, day)
    said = monitored(project, "2024-03-09")
    assert "came and went" in said
    assert "drift:age from 2024-03-01 00:00 to 2024-03-02 00:00 UTC" in said
    assert "ALERT (info) toy: " in said
    assert "drift:age since" not in said  # as an alert that is open is told
