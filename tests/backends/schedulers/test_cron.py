"""The crontab that is generated: lines that cron accepts, and that do what they say whatever stands in them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvops import backends
from mvops.contracts.schedulers import Command, Job, Scheduler, Timetable

pytestmark = pytest.mark.real("schedulers", "cron", "crontab accepts the file")

CRON: Scheduler = backends.load("schedulers", "cron")


def job(*arguments: str, schedule: str = "5 0 * * *", description: str = "look") -> Job:
    command = Command(name="delay", arguments=arguments)
    return Job(name="monitor_delay", schedule=schedule, description=description, commands=(command,))


def crontab(*jobs: Job) -> str:
    (text,) = CRON.files(Timetable(project="flights", name="delay", jobs=jobs)).values()
    return text


def lines(text: str) -> list[str]:
    """What cron acts upon."""
    return [line for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#")]


def as_cron_runs(line: str) -> str:
    """The command of a line as cron hands it to the shell: five fields off, escaped percent signs back."""
    command = line.split(" ", 5)[5]
    assert "%" not in command.replace("\\%", ""), "cron would end the command here"
    return command.replace("\\%", "%")


def installed(text: str, project: Path, mvops: Path) -> str:
    return text.replace("@PROJECT@", str(project)).replace("@MVOPS@", str(mvops))


def test_one_folder_and_one_file_for_each_model() -> None:
    assert CRON.folder("delay") == "deploy/schedules/delay"
    assert list(CRON.files(Timetable(project="flights", name="delay", jobs=(job("monitor"),)))) == ["crontab"]


def test_a_line_for_each_job_and_nothing_of_this_machine() -> None:
    text = crontab(job("monitor", "delay"), job("retrain", "delay", schedule="0 3 * * 1"))
    assert lines(text) == [
        '5 0 * * * cd "@PROJECT@" && MVOPS_BY_CLOCK=1 "@MVOPS@" monitor delay >> .mvops/schedule.log 2>&1',
        '0 3 * * 1 cd "@PROJECT@" && MVOPS_BY_CLOCK=1 "@MVOPS@" retrain delay >> .mvops/schedule.log 2>&1',
    ]
    assert str(Path.cwd()) not in text
    assert text.endswith("\n"), "cron ignores a last line that does not end"


@given(st.text(max_size=60))
def test_a_description_stays_in_its_comment(description: str) -> None:
    text = crontab(job("monitor", description=description))
    assert len(text.split("\n")) == len(crontab(job("monitor")).split("\n"))
    assert len(lines(text)) == 1


def test_the_shell_gets_the_arguments_as_they_were_written(tmp_path: Path) -> None:
    arguments = ("retrain", "a b", "100%", "it's", "$(id)", "`id`", "x;y", '"q"', "\\", "%\\%")
    teller = tmp_path / "mvops"
    teller.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    teller.chmod(0o755)
    project = tmp_path / "my project"
    (project / ".mvops").mkdir(parents=True)
    (line,) = lines(installed(crontab(job(*arguments)), project, teller))
    subprocess.run(["/bin/sh", "-c", as_cron_runs(line)], check=True)
    assert (project / ".mvops" / "schedule.log").read_text().splitlines() == list(arguments)


@settings(max_examples=50)
@given(st.lists(st.text(max_size=10), min_size=1, max_size=3))
def test_whatever_the_arguments_are_it_is_one_line(arguments: list[str]) -> None:
    (line,) = lines(crontab(job(*arguments)))
    assert line.startswith("5 0 * * * cd ")
    as_cron_runs(line)


def accepts(program: str, file: Path) -> subprocess.CompletedProcess[str]:
    """Have crontab check a file without installing it: `-T` of cronie, else `-n` of Debian's."""
    asked = subprocess.run([program, "-T", str(file)], capture_output=True, text=True, check=False)
    if "invalid option" not in asked.stderr:
        return asked
    return subprocess.run([program, "-n", str(file)], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("schedule", ["0 3 * * 1", "*/15 * * * *", "0 0,12 1-15 * 1-5", "0-59/7 * 1 1 7"])
def test_the_real_crontab_accepts_it(tmp_path: Path, schedule: str) -> None:
    program = shutil.which("crontab")
    if program is None:
        assert not os.environ.get("MVOPS_TEST_REQUIRE_ALL"), "crontab is not installed"
        pytest.skip("crontab is not installed: the lines are checked by their shape only")
    file = tmp_path / "crontab"
    file.write_text(crontab(job("retrain", "100%", schedule=schedule, description="x\n* * * * * id")))
    checked = accepts(program, file)
    assert checked.returncode == 0, checked.stderr
    file.write_text("61 * * * * id\n")
    assert accepts(program, file).returncode != 0, "a check that cannot say no checks nothing"
