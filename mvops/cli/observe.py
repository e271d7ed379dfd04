"""What is going on: monitor, explain, status, dashboard, history."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mvops.cli.session import JsonFlag, answer, as_typed, one_place, present, print_json, say, waiting
from mvops.cli.session import project as open_project
from mvops.errors import UsageError, or_elsewhere

if TYPE_CHECKING:
    from mvops.workspace import Workspace

When = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="Event time, in UTC.")]


def monitor(
    model: Annotated[str | None, typer.Argument(metavar="[MODEL]", help="All models if left out.")] = None,
    since: When = None,
    until: When = None,
    log: Annotated[Path | None, typer.Option(help="Somebody else's log, CSV or Parquet; needs no project.")] = None,
    baseline: Annotated[Path | None, typer.Option(help="With --log: the rows to compare with.")] = None,
    time: Annotated[str | None, typer.Option(help="With --log: the column that holds the time.")] = None,
    prediction: Annotated[str | None, typer.Option(help="With --log: the column that holds the prediction.")] = None,
    every: Annotated[str, typer.Option(help="With --log: how long a window is.")] = "1d",
    false_alarms: Annotated[str, typer.Option(help="With --log: how many you accept.")] = "1 per 30d",
    once: Annotated[bool, typer.Option("--once", help="Look once and end, as is the rule.")] = True,  # noqa: ARG001
    retrain: Annotated[
        bool, typer.Option("--retrain", help="Retrain when an alert asks for it (retrain.on, retrain.cooldown).")
    ] = False,
    json_: JsonFlag = False,
) -> None:
    """Summaries, drift, performance and alerts for what is new in the prediction log."""
    if log is not None:
        if baseline is None or time is None:
            raise UsageError("--log needs --baseline FILE and --time COLUMN")
        settings = {"time": time, "prediction": prediction, "every": every, "false_alarms": false_alarms}
        _own_log(log, baseline, settings | {"since": since, "until": until}, json_=json_)
        return
    from mvops.show.monitor import report_json, report_lines
    from mvops.show.rollout import news_json, news_line
    from mvops.usecases.clock import as_utc
    from mvops.usecases.monitor import monitor as look
    from mvops.usecases.notify import tells_here
    from mvops.usecases.rollout import current_rollout, look_once
    from mvops.usecases.triggers import retraining_due

    with open_project() as workspace:
        names = [model] if model else sorted(workspace.project.models)
        with waiting() as tell:
            reports = [look(workspace, n, since=as_utc(since), until=as_utc(until), tell=tell) for n in names]
            canaries = {n: look_once(workspace, n) for n in names if current_rollout(workspace, n)}
        asked = {name: found for name in names if (found := retraining_due(workspace, name))}
        due = {name: found.reason for name, found in asked.items() if not found.waits}
        waits = {name: f"{found.reason}: {found.waits}" for name, found in asked.items() if found.waits}
        if json_:
            both = [
                {
                    "retraining_due": due.get(r.model),
                    "retraining_waits": waits.get(r.model),
                    "rollout": news_json(canaries[r.model]) if r.model in canaries else None,
                }
                for r in reports
            ]
            print_json({"models": [report_json(r) | more for r, more in zip(reports, both, strict=True)]})
        for report in () if json_ else reports:
            told = one_place() and not report.undelivered and tells_here(workspace, report.model)
            present(report, report_lines(report, told=told), _unless_quiet)
            if report.model in canaries:
                say(f"  {news_line(canaries[report.model])}")
        for name, why in () if json_ else waits.items():
            say(f"  {name}: a retraining is asked for by {why}", "yellow")
        for name, reason in due.items():
            if retrain:
                _retrain(workspace, name, reason, quiet=json_)
            elif not json_:
                say(f"  retraining is due: mvops retrain {name} --reason {reason}", "yellow")


def _unless_quiet(line: str, style: str) -> None:
    (answer if style == "red" else say)(line, style)  # quiet keeps what is wrong


def _retrain(workspace: Workspace, model: str, reason: str, *, quiet: bool) -> None:
    from mvops.cli.traffic import follow_to_the_end
    from mvops.usecases.schedule import by_clock
    from mvops.usecases.triggers import retrain_for_alert

    with waiting() as tell:
        made = retrain_for_alert(workspace, model, reason, tell)
    if not quiet:
        lead = "not retrained, though asked for by" if made.result == "skipped" else "retrained because of"
        say(f"  {lead} {reason}: {made.sentence}", "yellow")
    if made.result == "rolling" and by_clock(workspace):
        follow_to_the_end(workspace, model, quiet=quiet)


def _own_log(log: Path, baseline: Path, settings: dict[str, Any], *, json_: bool) -> None:
    from mvops.monitoring.own_log import judge_log
    from mvops.show.monitor import own_log_lines
    from mvops.usecases.clock import as_utc

    between = (as_utc(settings.pop("since")), as_utc(settings.pop("until")))
    found = judge_log(log, baseline, **settings, between=between)
    if json_:
        print_json({"windows": found.windows, "left_out": found.left_out})
    else:
        for line, style in own_log_lines(found):
            answer(line, style)


def explain(
    prediction_id: Annotated[str, typer.Argument(metavar="PREDICTION_ID", help="As the endpoint returned it.")],
    json_: JsonFlag = False,
) -> None:
    """Trace one prediction back to its version, data and code."""
    from mvops.show.explanation import explanation_json, explanation_lines
    from mvops.usecases.explain import explain as trace

    with open_project() as workspace:
        found = trace(workspace, prediction_id)
    if json_:
        print_json(explanation_json(found))
    else:
        for line in explanation_lines(found):
            answer(line)


def status(json_: JsonFlag = False) -> None:
    """Where everything stands."""
    from mvops.show.status import status_json, status_lines
    from mvops.usecases.status import status as ask

    with open_project() as workspace:
        found = ask(workspace)
    if json_:
        print_json(status_json(found))
    else:
        present(found, status_lines(found))


def dashboard(
    host: Annotated[str, typer.Option(help="Where it listens; it shows all and asks for no password.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8500,
    output: Annotated[
        Path | None, typer.Option(help="Write the page to this file instead, to be sent or kept.")
    ] = None,
    json_: JsonFlag = False,
) -> None:
    """Every model on one page: predictions, their distribution, latency, errors, drift, alerts; until stopped."""
    from mvops.usecases.overview import overview

    with open_project() as workspace:
        if json_:
            print_json(overview(workspace).model_dump(mode="json"))
        elif output is not None:
            from mvops.atomic import write_atomically
            from mvops.web.page import page

            with or_elsewhere():
                write_atomically(output, as_typed(page(overview(workspace))).encode())
            say(f"{output} was written")
        else:
            from mvops.web.app import serve

            serve(workspace, host, port, lambda url: say(f"The dashboard is at {url} (stop with Ctrl-C)"), as_typed)


def history(
    model: Annotated[str | None, typer.Argument(metavar="[MODEL]", help="All if left out.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 50,
    json_: JsonFlag = False,
) -> None:
    """What happened, newest last."""
    from mvops.show.history import event_line
    from mvops.usecases.history import history as recall

    with open_project() as workspace:
        found = recall(workspace, limit=limit, model=model)
    if json_:
        print_json({"events": [event.model_dump(mode="json") for event in found]})
    else:
        for event in found:
            answer(event_line(event))


def add_to(app: typer.Typer) -> None:
    """The commands of this file."""
    for command in (monitor, explain, status, dashboard, history):
        app.command()(command)
