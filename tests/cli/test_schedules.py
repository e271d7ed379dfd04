"""What is done by the clock, as a user sees it: list, run, and jobs that wait for one another."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from toy_project import edit, finish, free_port, mvops, query, spawn, typed, until

from mvops.core.plan import Plan
from mvops.usecases.plan import plan

TIMETABLE = "deploy/schedules/toy/timetable.yaml"


@pytest.fixture
def local(project: Path) -> Path:
    """The toy project by the scheduler `local`."""
    with (project / "configs/project.yaml").open("a") as file:
        file.write("scheduler: {backend: local, timezone: Europe/Berlin, retries: 1, retry_delay: 1s}\n")
    mvops(project, "apply", "--yes").ok()
    return project


def jobs_done(root: Path) -> list[str]:
    return [message for (message,) in query(root, "SELECT message FROM mvops_events WHERE kind = 'job' ORDER BY id")]


def test_list_shows_each_job_with_its_next_time(project: Path) -> None:
    said = mvops(project, "schedule", "list").ok().out.splitlines()
    assert [line.split()[0] for line in said[:2]] == ["monitor_toy", "retrain_toy"]
    assert "00:05 UTC  5 0 * * *  cron      mvops monitor toy --retrain" in said[0]
    jobs = mvops(project, "schedule", "list", "--json").ok().json()["jobs"]
    when = datetime.fromisoformat(jobs[1]["next"])
    assert (when > datetime.now(UTC), when.weekday(), when.hour) == (True, 0, 3)
    assert jobs[1]["commands"] == [["mvops", "retrain", "toy", "--reason", "schedule", "--lock-timeout", "1h"]]


def test_a_workflow_that_would_start_without_data_is_told_by_the_plan(project: Path) -> None:
    def told() -> list[str]:
        asked = ("scheduler.backend=github_actions", "ci={backend: github_actions}")
        said = mvops(project, "plan", *asked).ok().out
        assert "registry and predictions and artifacts are files" in said, "these are told by themselves"
        return [
            line.partition(": starts on an empty machine, ")[2] for line in said.splitlines() if "Git ignores" in line
        ]

    def git(*arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=project, check=True, capture_output=True)

    assert not told(), "outside of a repository nothing is ignored"
    git("init")
    remedies = (
        "commit them, or have DVC bring them",
        "commit them, or have DVC keep them (dvc init), with a remote on a server",
    )
    assert sorted(told()) == [f"without the data, which Git ignores: {remedy}" for remedy in remedies]
    (tracking := project / "data/d.csv.dvc").write_text("outs: []\n")
    assert not told(), "DVC's, whoever has it track them"
    tracking.unlink()
    git("add", "--force", "data")
    assert not told()


CRONTAB = """#!/bin/sh
# Keeps its crontab in a file: a test leaves the one of whoever runs it alone.
case $1 in -l) cat "$0.kept" ;; -) cat > "$0.kept" ;; *) exit 2 ;; esac
"""


def test_what_is_not_in_the_crontab_yet_is_told_until_it_is(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = project.parent / "bin" / "crontab"
    program.parent.mkdir()
    program.write_text(CRONTAB)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    told = "schedule.toy is not installed yet: "
    command = mvops(project, "schedule", "list").ok().out.splitlines()[-1].removeprefix(told)
    assert "schedule.toy is not installed yet\n" in mvops(project, "doctor").ok().out
    assert not program.with_name("crontab.kept").exists()  # looking changes nothing
    subprocess.run(["sh", "-c", command], check=True, timeout=20)
    assert told not in mvops(project, "schedule", "list").ok().out
    assert "not installed yet" not in mvops(project, "doctor").ok().out
    kept = program.with_name("crontab.kept")
    kept.write_text(kept.read_text().replace("MVOPS_BY_CLOCK=1 ", ""))  # as an earlier version wrote it
    older = mvops(project, "doctor").out
    assert f"{told}take its old lines out with crontab -e, then cd " in mvops(project, "schedule", "list").ok().out
    assert "that no applied schedule asks for" not in older
    edit(project / "configs/models/toy.yaml", "every: 1d", "every: 1h")
    with (project / "configs/project.yaml").open("a") as file:
        file.write("notifiers: {hook: {backend: apprise, options: {url: {secret: HOOK}}}}\n")
    again = mvops(project, "apply", "--yes").ok().out
    without = (
        "cron does not have your environment: set HOOK above these lines of the crontab (crontab -e, then HOOK=...)"
    )
    assert without in again.splitlines()
    assert f"{told}take its old lines out with crontab -e, then cd " in again
    assert told not in mvops(project, "apply", "--yes").ok().out
    kept.write_text("HOOK = https://example.com\n" + kept.read_text())
    second = (project / "configs/models/toy.yaml").read_text() + f"endpoint: {{port: {free_port()}}}\n"
    (project / "configs/models/second.yaml").write_text(second)
    other = mvops(project, "apply", "--yes").ok().out
    assert "schedule.second is not installed yet: " in other
    assert "cron does not have your environment" not in other
    assert told not in other, "of what this apply did not touch was told before"
    assert told in mvops(project, "schedule", "list").ok().out
    still = "your crontab still has 2 lines that no applied schedule asks for"
    assert still not in mvops(project, "doctor").ok().out  # told of by what is to be installed
    assert still in mvops(project, "destroy", "--yes").ok().out
    assert still in mvops(project, "doctor").out
    program.with_name("crontab.kept").write_text("")
    assert still not in mvops(project, "doctor").out


def test_list_before_anything_was_applied(fresh: Path) -> None:
    assert "nothing is done by the clock" in mvops(fresh, "schedule", "list").ok().out


def test_run_is_for_the_local_scheduler(project: Path) -> None:
    mvops(project, "schedule", "run").refused("no schedule has been applied with the scheduler 'local'", "local}")


def test_any_job_can_be_run_now(project: Path) -> None:
    mvops(project, "schedule", "run", "--job", "monitor_ty").refused(
        "there is no job 'monitor_ty'", "Jobs: monitor_toy, retrain_toy"
    )
    mvops(project, "schedule", "run", "--job", "monitor_toy", "--once").refused("--job runs one job now")
    said = mvops(project, "schedule", "run", "--job", "monitor_toy").ok().out
    assert "monitor_toy: done in" in said
    assert "\n  mvops monitor toy --retrain" in said
    assert "\n    toy: 0 new predictions, 0 new outcomes\n" in said
    done = mvops(project, "schedule", "run", "--job", "retrain_toy").ok().out  # and why it did nothing
    assert "    toy: nothing to learn from: data, code and parameters are those of version 1; " in done
    assert "monitor_toy: done in" in mvops(project, "history", "toy").ok().out
    assert "mvops monitor toy --retrain" in (project / ".mvops/schedule.log").read_text()


@pytest.mark.system
def test_a_gate_that_says_no_is_told_by_the_exit_code(project: Path) -> None:
    edit(project / "configs/models/toy.yaml", "roc_auc >= 0.6", "roc_auc >= 0.999")
    edit(project / "configs/models/toy.yaml", "C: 1.0", "C: 0.9")
    said = typed(project, "schedule", "run", "--job", "retrain_toy").ok(4)
    assert "retrain_toy: refused in" in said.out


def test_a_job_that_fails_is_tried_again_and_told(local: Path) -> None:
    (local / "data/d.csv").rename(local / "data/elsewhere.csv")
    said = mvops(local, "schedule", "run", "--job", "retrain_toy").ok(1)
    assert "failed 2 times: exit code 1, see .mvops/schedule.log" in said.out
    assert said.out.count("    error: ") == 1
    assert "data/d.csv" in said.out.partition("    error: ")[2]
    assert (local / ".mvops/schedule.log").read_text().count("error: ") == 2


def test_a_timetable_that_was_edited_counts_and_a_broken_one_is_told(local: Path) -> None:
    edit(local / TIMETABLE, '"5 0 * * *"', '"0 6 * * 7"')
    said = mvops(local, "schedule", "list").ok().out
    assert "06:00 Europe/Berlin  0 6 * * 7" in said
    assert f"{TIMETABLE} was edited by hand: what it says counts" in said
    edit(local / TIMETABLE, '"0 6 * * 7"', '"0 6 * * 8"')
    mvops(local, "schedule", "list").refused("jobs.0.schedule: '0 6 * * 8' is not a cron schedule", TIMETABLE)
    edit(local / TIMETABLE, '"0 6 * * 8"', "* * * * *")
    mvops(local, "schedule", "list").refused(f"{TIMETABLE}:12: this timetable is not YAML", "`mvops apply` writes it")


def test_the_plan_says_what_a_scheduler_does_not_do(project: Path) -> None:
    said = mvops(project, "plan", "scheduler.timezone=Europe/Berlin", "--detailed-exitcode").ok(2).out
    assert "cron: runs by the machine's clock; set it: timedatectl set-timezone Europe/Berlin" in said


@pytest.mark.slow
@pytest.mark.real("schedulers", "local", "a job every minute, in the foreground")
@pytest.mark.system
def test_the_scheduler_runs_what_is_due_and_ends_when_told(local: Path) -> None:
    edit(local / TIMETABLE, '"5 0 * * *"', '"* * * * *"')
    process = spawn(local, "schedule", "run")
    try:
        until(lambda: jobs_done(local), timeout=120)
        assert "monitor_toy: done in" in jobs_done(local)[0]
        mvops(local, "schedule", "run").refused("the scheduler of this project runs already")
    finally:
        process.send_signal(signal.SIGTERM)
        said = finish(process, timeout=60)
    assert said.ok().out.splitlines()[-1] == "Stopped."
    assert "monitor_toy: due" in said.out
    typed(local, "schedule", "run", "--once").ok()
    typed(local, "schedule", "run", "--until", "2020-01-01").ok()


@pytest.mark.system
def test_a_retraining_waits_for_another_command(project: Path) -> None:
    edit(project / "configs/models/toy.yaml", "C: 1.0", "C: 0.8")
    hold = project / "data/hold"
    hold.touch()
    first = spawn(project, "retrain", "toy", "--reason", "schedule", "--no-wait")
    try:
        until(lambda: query(project, "SELECT command FROM mvops_lock"))
        mvops(project, "retrain", "toy").refused("The project is locked by")
        threading.Timer(2, hold.unlink).start()
        began = time.monotonic()
        said = typed(project, "retrain", "toy", "--lock-timeout", "5m", "--no-wait").ok()
        assert time.monotonic() - began > 1
        assert "nothing to learn from" in said.out
    finally:
        hold.unlink(missing_ok=True)
        finish(first).ok()
    mvops(project, "retrain", "toy", "--lock-timeout", "soon").refused("--lock-timeout: 'soon' is not a duration")


def test_a_retraining_does_not_act_on_what_another_command_has_changed(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(project / "configs/models/toy.yaml", "C: 1.0", "C: 0.8")
    data, looked = project / "data/d.csv", list[Plan]()

    def look(*arguments: Any, **options: Any) -> Plan:
        if looked:  # between the two looks of a retraining
            data.write_text(data.read_text() + data.read_text().splitlines()[-1] + "\n")
            mvops(project, "apply", "--yes", "--target", "dataset.data").ok()
        looked.append(plan(*arguments, **options))
        return looked[-1]

    monkeypatch.setattr("mvops.usecases.retrain.plan", look)
    mvops(project, "retrain", "toy").refused("another command changed the project meanwhile", "mvops retrain toy")
    assert len(looked) == 2
    assert len(mvops(project, "versions", "list", "toy", "--json").ok().json()["versions"]) == 1
