"""What is done by the clock, as text and JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mvops.scheduling.job_run import JobRun
from mvops.scheduling.loop import News
from mvops.usecases.schedule import Upcoming

_STYLES = {"failed": "red", "refused": "yellow", "skipped": "dim", "interrupted": "yellow"}
_LAST = 20  # lines of what a command said


def upcoming_lines(found: Sequence[Upcoming]) -> Iterator[tuple[str, str]]:
    """A line for each job; then what the schedulers wait for, and which files a person has changed."""
    if not found:
        ways = '`monitor: {every: 1d}` or `retrain: {schedule: "0 3 * * 1"}`'
        yield f"nothing is done by the clock. Write {ways} into a model's YAML; then: mvops apply", ""
        return
    name = max(len(one.job.name) for one in found)
    cron = max(len(one.job.schedule) for one in found)
    for one in found:
        when = f"{one.next:%a %Y-%m-%d %H:%M} {one.schedule.timetable.timezone}"
        clock = f"{one.job.schedule:<{cron}}  {one.schedule.backend:<8}"
        yield f"{one.job.name:<{name}}  {when}  {clock}  {_says(one)}", ""
    yield from ((waits, "yellow") for waits in dict.fromkeys(one.schedule.waits for one in found) if waits)
    for path in sorted({path for one in found for path in one.schedule.edited}):
        yield f"{path} was edited by hand: what it says counts", "yellow"


def upcoming_json(found: Sequence[Upcoming]) -> dict[str, Any]:
    """The same for scripts."""
    return {
        "jobs": [
            {
                "job": one.job.name,
                "schedule": one.job.schedule,
                "timezone": one.schedule.timetable.timezone,
                "next": one.next.isoformat(),
                "backend": one.schedule.backend,
                "commands": [["mvops", *command.arguments] for command in one.job.commands],
                "waits": one.schedule.waits,
                "edited": list(one.schedule.edited),
            }
            for one in found
        ]
    }


def news_line(news: News) -> tuple[str, str]:
    """A job that began, or how it ended, with its style."""
    job = news.run.job.name
    if not news.ended:
        return f"{job}: due {news.due:%Y-%m-%d %H:%M} {news.run.timetable.timezone}, runs", ""
    return f"{job}: {news.run.sentence}", _STYLES.get(news.run.result, "")


def run_lines(run: JobRun) -> Iterator[str]:
    """How a job ended, and the last of what its commands said, which tells why."""
    yield f"{run.job.name}: {run.sentence}"
    for command in run.job.commands:
        lines = [line for line in run.said.get(command.name, "").splitlines() if line.strip()]
        if lines:
            yield f"  mvops {' '.join(command.arguments)}"
        yield from ([f"    ... {len(lines) - _LAST} lines before"] if len(lines) > _LAST else [])
        yield from (f"    {line}" for line in lines[-_LAST:])


def _says(one: Upcoming) -> str:
    return " && ".join(f"mvops {' '.join(command.arguments)}" for command in one.job.commands)
