"""What is said on a terminal is said once."""

from __future__ import annotations

import subprocess
from pathlib import Path

from days import log_day
from toy_project import COMMAND, environment, mvops


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


def test_an_alert_names_its_version_and_one_that_is_over_why(project: Path) -> None:
    log_day(project, 0, older=30)
    mvops(project, "monitor", "toy", "--until", "2024-03-02").ok()
    assert "  ALERT        critical, version 1, since 2024-03-01: " in mvops(project, "status").out
    for day in range(1, 4):
        log_day(project, day)
    found = mvops(project, "monitor", "toy", "--until", "2024-03-05", "--json").ok().json()["models"][0]
    assert {alert["because"] for alert in found["resolved"]} == {"quiet since 2024-03-02 00:00 UTC"}
    over = "resolved drift:age of version 1: quiet since 2024-03-02 00:00 UTC"
    assert over in mvops(project, "history").out
    log_day(project, 4, older=30)
    mvops(project, "monitor", "toy", "--until", "2024-03-06").ok()
    mvops(project, "retrain", "toy", "--force", "--no-wait").ok()
    mvops(project, "versions", "promote", "toy", 2).ok()
    gone = mvops(project, "monitor", "toy", "--until", "2024-03-07").ok().out
    assert "resolved drift:age (version 1) after 1 window: version 1 does not answer any more" in gone
