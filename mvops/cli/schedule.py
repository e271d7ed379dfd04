"""What is done by the clock: schedule list, schedule run."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from mvops.cli.session import JsonFlag, answer, print_json, say
from mvops.cli.session import project as open_project
from mvops.errors import UsageError

if TYPE_CHECKING:
    from mvops.scheduling.loop import News

schedule_app = typer.Typer(no_args_is_help=True, help="What is done by the clock: list, run.")


@schedule_app.command("list")
def list_jobs(json_: JsonFlag = False) -> None:
    """Each job with the next time at which it is done, whatever scheduler does it."""
    from mvops.show.schedule import upcoming_json, upcoming_lines
    from mvops.usecases.schedule import upcoming

    with open_project() as workspace:
        found = upcoming(workspace)
    if json_:
        print_json(upcoming_json(found))
    else:
        for line, style in upcoming_lines(found):
            answer(line, style)


@schedule_app.command("run")
def run(
    once: Annotated[bool, typer.Option("--once", help="Run what is due now, and end.")] = False,
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="Go on until this time, in UTC."),
    ] = None,
    job: Annotated[str | None, typer.Option("--job", help="Run this job now, whatever scheduler has it.")] = None,
) -> None:
    """Run what is due, in the foreground, until stopped: the scheduler `local`."""
    from mvops.usecases.clock import as_utc
    from mvops.usecases.schedule import run_scheduler

    if job is not None:
        if once or until is not None:
            raise UsageError("--job runs one job now; --once and --until belong to the clock")
        _now(job)
        return
    with open_project() as workspace:
        say("" if once else "Running what is due (stop with Ctrl-C). Times and commands: mvops schedule list")
        try:
            run_scheduler(workspace, _tell, once=once, until=as_utc(until))
        except KeyboardInterrupt:
            if once:
                raise
            say("Stopped.")


def _tell(news: News) -> None:
    from mvops.show.schedule import news_line

    line, style = news_line(news)
    stamp = f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S}"
    (answer if news.run.result == "failed" else say)(f"{stamp}  {line}", style)


def _now(job: str) -> None:
    from mvops.show.schedule import run_lines
    from mvops.usecases.schedule import run_job

    with open_project() as workspace:
        done = run_job(workspace, job, say)
    for line in run_lines(done):
        (answer if done.result == "failed" else say)(line)
    if done.result in {"failed", "refused"}:
        raise typer.Exit(1 if done.result == "failed" else 4)


def add_to(app: typer.Typer) -> None:
    """The commands of this file."""
    app.add_typer(schedule_app, name="schedule")
