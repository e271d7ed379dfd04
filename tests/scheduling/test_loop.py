"""The scheduler's loop, with a clock of the test's own and commands that really run."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from mvops.contracts.schedulers import Command, Job, Timetable
from mvops.scheduling.handled import Handled
from mvops.scheduling.job_run import JobRun, Workshop, alone
from mvops.scheduling.loop import Loop, News
from mvops.scheduling.occurrences import latest_time, next_time

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)  # a Monday
PROGRAM = """
import pathlib, sys, time
name, *rest = sys.argv[1:]
with open("ran", "a") as file:
    file.write(name + "\\n")
if rest[:1] == ["sleep"]:
    pathlib.Path("began").touch()
    time.sleep(float(rest[1]))
tries = open("ran").read().split().count(name)
sys.exit(int(rest[min(tries, len(rest)) - 1]) if rest and rest[0] != "sleep" else 0)
"""


class TestClock:
    """Goes on only when somebody sleeps; `jumps` change it then, by seconds."""

    __test__ = False

    def __init__(self, now: datetime = START, jumps: dict[int, float] | None = None) -> None:
        self.time, self.jumps, self.naps = now, jumps or {}, 0

    def now(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> None:
        time.sleep(0.01)  # what runs really runs
        self.naps += 1
        self.time += timedelta(seconds=seconds + self.jumps.get(self.naps, 0))


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / ".mvops").mkdir()
    return Workshop((sys.executable, str(tmp_path / "program.py")), tmp_path, tmp_path / ".mvops/schedule.log")


def job(name: str, schedule: str, *arguments: str, after: dict[str, tuple[str, ...]] | None = None) -> Job:
    commands = [Command(name=name, arguments=(name, *arguments))]
    commands += [Command(name=other, arguments=(other,), after=needed) for other, needed in (after or {}).items()]
    return Job(name=name, schedule=schedule, description="", commands=tuple(commands))


def table(*jobs: Job, **settings: object) -> Timetable:
    return Timetable.model_validate({"project": "p", "name": "t", "jobs": jobs, **settings})


def loop(shop: Workshop, clock: TestClock, *jobs: Job, **settings: object) -> tuple[Loop, list[News]]:
    heard: list[News] = []
    handled = Handled(shop.root / ".mvops/handled.json")
    return Loop(lambda: [table(*jobs, **settings)], shop, handled, clock, heard.append), heard


def ran(shop: Workshop) -> list[str]:
    path = shop.root / "ran"
    return path.read_text().split() if path.exists() else []


def ends(heard: list[News]) -> list[tuple[str, str]]:
    return [(news.run.job.name, news.run.result) for news in heard if news.ended]


def test_it_runs_what_is_due_when_it_is_due(shop: Workshop) -> None:
    made, heard = loop(shop, TestClock(), job("a", "0 13 * * *"), job("b", "30 12 * * *"), job("c", "0 14 * * *"))
    made.run(until=START + timedelta(hours=1, minutes=30))
    assert ran(shop) == ["b", "a"]
    assert [(n.run.job.name, n.due) for n in heard if n.ended] == [
        ("b", START + timedelta(minutes=30)),
        ("a", START + timedelta(hours=1)),
    ]


def test_what_was_missed_is_done_once(shop: Workshop) -> None:
    hourly = job("a", "0 * * * *")
    loop(shop, TestClock(), hourly)[0].run(once=True)
    assert ran(shop) == [], "what came before the scheduler knew the job is not made up"
    made, heard = loop(shop, TestClock(START + timedelta(days=3, minutes=20)), hourly)
    made.run(once=True)
    assert ran(shop) == ["a"]
    assert heard[0].due == START + timedelta(days=3)
    made.run(once=True)
    assert ran(shop) == ["a"]


def test_the_machine_sleeps_and_wakes(shop: Workshop) -> None:
    clock = TestClock(jumps={5: 7 * 3600.0})
    made, heard = loop(shop, clock, job("a", "0 * * * *"))
    made.run(until=START + timedelta(hours=8))
    assert [news.due.hour for news in heard if news.ended] == [19]


def test_a_clock_that_is_set_back_repeats_nothing(shop: Workshop) -> None:
    clock = TestClock(START + timedelta(minutes=58), jumps={12: -1800.0})
    made, heard = loop(shop, clock, job("a", "0 * * * *"))
    made.run(until=START + timedelta(minutes=119))
    assert clock.naps > 100
    assert [news.due.hour for news in heard if news.ended] == [13]


def test_a_clock_that_was_years_ahead_keeps_nothing_from_being_done(shop: Workshop) -> None:
    hourly = job("a", "0 * * * *")
    loop(shop, TestClock(datetime(2099, 1, 1, tzinfo=UTC)), hourly)[0].run(once=True)
    made, heard = loop(shop, TestClock(), hourly)
    made.run(until=START + timedelta(hours=2, minutes=1))
    assert [news.due.hour for news in heard if news.ended] == [13, 14]


def test_another_schedule_counts_from_now(shop: Workshop) -> None:
    loop(shop, TestClock(), job("a", "0 0 1 1 *"))[0].run(once=True)
    loop(shop, TestClock(START + timedelta(days=1)), job("a", "0 * * * *"))[0].run(once=True)
    assert ran(shop) == []


def test_a_book_that_cannot_be_read_is_begun_anew(shop: Workshop) -> None:
    book = shop.root / ".mvops/handled.json"
    for text in ("{", "[]", '{"a": 1}', json.dumps({"a": {"clock": "0 * * * * UTC", "until": "yesterday"}})):
        book.write_text(text)
        loop(shop, TestClock(), job("a", "0 * * * *"))[0].run(once=True)
        assert json.loads(book.read_text())["a"]["until"] == START.isoformat()


def test_one_failure_stops_no_other_job(shop: Workshop) -> None:
    made, heard = loop(shop, TestClock(), job("bad", "1 12 * * *", "1"), job("good", "1 12 * * *"))
    made.run(until=START + timedelta(minutes=2))
    assert sorted(ends(heard)) == [("bad", "failed"), ("good", "done")]
    (bad,) = (news.run.sentence for news in heard if news.ended and news.run.result == "failed")
    assert "exit code 1, see .mvops/schedule.log" in bad


def test_a_job_that_still_runs_is_not_run_beside_itself(shop: Workshop) -> None:
    made, heard = loop(shop, TestClock(), job("a", "* * * * *", "sleep", "1"))
    made.run(until=START + timedelta(minutes=5, seconds=30))
    marks = [news.ended for news in heard]
    assert marks == [False, True] * (len(marks) // 2)


def test_it_is_tried_again_and_what_comes_after_goes_on(shop: Workshop) -> None:
    one = job("a", "0 3 * * *", "1", "1", "0", after={"b": ("a",)})
    told: list[str] = []
    run = JobRun(table(one, retries=2, retry_delay=0.01), one, shop, told.append)
    run.work()
    assert (run.result, ran(shop)) == ("done", ["a", "a", "a", "b"])
    assert told == [f"a: exit code 1; tried {tries} of 3 times, again in 0.01 s" for tries in (1, 2)]


def test_what_waits_for_a_failure_is_not_run(shop: Workshop) -> None:
    one = job("a", "0 3 * * *", "1", after={"b": ("a",), "c": ("b",), "d": ()})
    run = JobRun(table(one, retries=1, retry_delay=0.01), one, shop)
    run.work()
    assert (run.result, ran(shop)) == ("failed", ["a", "a", "d"])
    assert "a failed 2 times: exit code 1" in run.sentence
    assert "b not run, as a did not end well" in run.sentence


def test_a_gate_that_says_no_is_an_answer(shop: Workshop) -> None:
    one = job("a", "0 3 * * *", "4", after={"b": ("a",)})
    run = JobRun(table(one, retries=3), one, shop)
    run.work()
    assert (run.result, ran(shop)) == ("refused", ["a", "b"])


def test_a_command_that_takes_too_long_is_ended(shop: Workshop) -> None:
    one = job("a", "0 3 * * *", "sleep", "60")
    run = JobRun(table(one, timeout=0.5), one, shop)
    began = time.monotonic()
    run.work()
    assert run.result == "failed"
    assert "it took more than 0.5 s" in run.sentence
    assert time.monotonic() - began < 30


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / ".mvops").mkdir()
    one = job("a", "0 3 * * *")
    run = JobRun(table(one), one, Workshop((str(tmp_path / "nothing"),), tmp_path, tmp_path / ".mvops/schedule.log"))
    run.work()
    assert "it cannot be started (No such file or directory)" in run.sentence


def test_the_end_ends_what_runs_and_the_next_start_does_it_again(shop: Workshop) -> None:
    slow = job("a", "1 12 * * *", "sleep", "60")
    clock = TestClock()
    made, heard = loop(shop, clock, slow)
    interrupting(clock, (shop.root / "began").exists)
    with pytest.raises(KeyboardInterrupt):
        made.run()
    assert ends(heard) == [("a", "interrupted")]
    assert not [thread for thread in threading.enumerate() if thread.name == "a"]
    again, heard = loop(shop, TestClock(clock.time), job("a", "1 12 * * *"))
    again.run(once=True)
    assert ends(heard) == [("a", "done")]


def interrupting(clock: TestClock, when: Callable[[], bool]) -> None:
    """As a signal does, in the middle of a sleep."""
    usual = clock.sleep

    def sleep(seconds: float) -> None:
        usual(seconds)
        if when():
            raise KeyboardInterrupt

    clock.sleep = sleep  # type: ignore[method-assign]


def test_a_job_that_another_process_runs_is_left_out(shop: Workshop) -> None:
    one = job("a", "0 3 * * *")
    run = JobRun(table(one), one, shop)
    with alone(shop.root / ".mvops/schedule/a.lock") as mine:
        assert mine
        run.work()
    assert (run.result, run.sentence, ran(shop)) == ("skipped", "left out, as it still runs", [])


BERLIN = ZoneInfo("Europe/Berlin")


def test_a_time_that_spring_skips_comes_right_after_and_autumn_repeats_none() -> None:
    spring = datetime(2026, 3, 28, 12, tzinfo=BERLIN)
    assert next_time("30 2 * * *", "Europe/Berlin", spring) == datetime(2026, 3, 29, 3, 0, tzinfo=BERLIN)
    autumn = datetime(2026, 10, 24, 12, tzinfo=BERLIN)
    first = next_time("30 2 * * *", "Europe/Berlin", autumn)
    assert first == datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN)
    assert next_time("30 2 * * *", "Europe/Berlin", first).day == 26


def test_the_latest_time_may_be_the_moment_itself() -> None:
    assert latest_time("0 * * * *", "UTC", START, START) is None
    assert latest_time("0 * * * *", "UTC", START - timedelta(minutes=1), START) == START
    assert latest_time("0 0 29 2 *", "UTC", START, START + timedelta(days=3000)) == datetime(2032, 2, 29, tzinfo=UTC)
