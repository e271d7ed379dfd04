"""What answers, and how that changes: serve, loadtest, retrain, rollout, rollback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mvops.cli.rehearse import rehearse
from mvops.cli.session import SESSION, JsonFlag, LockTimeout, ModelName, answer, print_json, remark, say, waiting
from mvops.cli.session import project as open_project
from mvops.errors import UsageError

if TYPE_CHECKING:
    from mvops.usecases.rollout import RolloutNews
    from mvops.workspace import Workspace

rollout_app = typer.Typer(no_args_is_help=True, help="A challenger on its way to the traffic: status, abort, rehearse.")


def serve(
    model: ModelName,
    host: Annotated[str | None, typer.Option(help="Instead of the YAML's.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Instead of the YAML's.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
) -> None:
    """Answer predictions over HTTP until stopped."""
    from mvops.usecases.serve import Where
    from mvops.usecases.serve import serve as answer

    answer(
        SESSION.directory,
        SESSION.environment,
        model,
        Where(host=host, port=port, workers=workers),
        on_ready=lambda url: say(f"Serving {model} on {url} (stop with Ctrl-C)"),
        note=remark,
    )


def loadtest(
    model: ModelName,
    seconds: Annotated[float, typer.Option(min=0.1, max=600, help="For how long to ask.")] = 10,
    clients: Annotated[int, typer.Option(min=1, max=256, help="How many ask at once, each again once answered.")] = 8,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Instead of the YAML's.")] = None,
    max_p99: Annotated[float | None, typer.Option("--max-p99", metavar="MS", help="Exit 4 if it is above.")] = None,
    max_errors: Annotated[
        float | None, typer.Option("--max-errors", metavar="SHARE", help="Exit 4 if more fail; 0.01 is one in 100.")
    ] = None,
    json_: JsonFlag = False,
) -> None:
    """Ask the running endpoint as fast as it answers: requests a second, latencies, errors; kept as evidence."""
    from mvops.errors import GateRefusedError
    from mvops.show.loadtest import report_json, report_lines
    from mvops.usecases.loadtest import Wanted, load_test

    wanted = Wanted(seconds=seconds, clients=clients, port=port, max_p99=max_p99, max_errors=max_errors)
    with open_project() as workspace, waiting() as tell:
        found = load_test(workspace, model, wanted, tell)
    if json_:
        print_json(report_json(model, found))
    else:
        for line in report_lines(model, found):
            answer(line)
    if found.broken:
        raise GateRefusedError("; ".join(found.broken))


def retrain(
    model: ModelName,
    reason: Annotated[str, typer.Option(help="Why; it stays on record.")] = "by hand",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Even if nothing has changed.")] = False,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Do not follow the rollout to its end.")] = False,
    lock_timeout: LockTimeout = "0s",
    json_: JsonFlag = False,
) -> None:
    """Train on the newest data, evaluate against the champion, gate, roll out."""
    from mvops.show.rollout import news_line
    from mvops.usecases.clock import as_duration
    from mvops.usecases.patience import patiently
    from mvops.usecases.retrain import retrain as train

    patience = as_duration(lock_timeout, "--lock-timeout")
    with open_project() as workspace:
        with waiting() as tell:
            made = patiently(
                lambda: train(workspace, model, reason=reason, force=force, dry_run=dry_run, tell=tell), patience, tell
            )
        if not json_:
            for check in made.checks:
                say(f"  gate: {check}")
            say(f"{model}: {made.sentence}.")
            if made.result == "refused" and made.version is not None:
                _say_ways_on(workspace, model, made.version.number)
            if made.to_commit:
                say(f"  the data are kept anew; commit to Git: {', '.join(made.to_commit)}")
        news = None
        if made.result == "rolling" and not no_wait:
            news = follow_to_the_end(workspace, model, quiet=json_)
    if json_:
        print_json(
            {
                "model": model,
                "result": made.result,
                "sentence": made.sentence,
                "version": made.version.number if made.version else None,
                "gate": list(made.checks),
                "to_commit": list(made.to_commit),
                "rollout": news_line(news) if news else None,
            }
        )
    if made.result == "refused" or (news is not None and news.decision == "abort"):
        raise typer.Exit(4)


def _say_ways_on(workspace: Workspace, model: str, refused: int) -> None:
    from mvops.core.environment import wording
    from mvops.show.apply import ways_on
    from mvops.usecases.afterwards import refusal_of

    for line in ways_on(refusal_of(workspace, model, refused), wording(workspace.project.environment)["typed"]):
        say(line)


def rollback(
    model: Annotated[str | None, typer.Argument(metavar="[MODEL]", help="A model's name; or --project.")] = None,
    whole: Annotated[
        bool, typer.Option("--project", help="The whole project, to a state that was applied before.")
    ] = False,
    to: Annotated[
        int | None, typer.Option("--to", help="This version, or with --project this state, instead of the one before.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="With --project: do not ask.")] = False,
    json_: JsonFlag = False,
) -> None:
    """Go back to the champion before this one, or with the whole project to a former state."""
    from mvops.usecases.versions import rollback as back

    if whole == (model is not None):
        raise UsageError(
            "say what goes back", hint="A model: mvops rollback MODEL. All of it: mvops rollback --project"
        )
    if model is None:
        _whole_project(to, yes=yes, json_=json_)
        return
    with open_project() as workspace:
        went = back(workspace, model, to)
    before, after = went.instead_of.number, went.serves.number
    if json_:
        print_json({"model": model, "from": before, "to": after, "rollout_ended": went.stayed, "forward": went.forward})
    elif went.stayed:
        say(
            f"{model}: the rollout of version {before} is ended; version {after} stays champion and answers everything."
        )
    elif before == after:
        say(f"{model}: version {after} is champion already: nothing to do.")
    else:
        way = "went forward again" if went.forward else "rolled back"
        say(f"{model}: {way} from version {before} to version {after}.")


def _whole_project(to: int | None, *, yes: bool, json_: bool) -> None:
    from mvops.cli.carrying_out import carry_out
    from mvops.usecases.going_back import lay_out, way_back

    with open_project() as workspace:
        way = way_back(workspace, to)
        if not json_:
            state, when = way.former.applied.serial, f"{way.former.time:%Y-%m-%d %H:%M} UTC"
            say(f"Back to state {state}, applied {when} by `{way.former.command}`.")
        if not way.files and not way.plan.pending():
            say("Nothing to do: all is as it was then.")
            say("To another state: mvops rollback --project --to STATE; mvops history says which there are")
            return
        carry_out(
            way.workspace,
            way.plan,
            approval="--yes" if yes else "typed",
            json_=json_,
            command=f"rollback --project --to {way.former.applied.serial}",
            before=lambda: lay_out(way),
        )


@rollout_app.command("status")
def rollout_status(
    model: ModelName,
    follow: Annotated[bool, typer.Option("--follow", help="Go on until it is done or aborted.")] = False,
    json_: JsonFlag = False,
) -> None:
    """How far the rollout is; moves it on when its time has come."""
    from mvops.show.rollout import news_json, news_line, shadow_lines
    from mvops.usecases.rollout import current_rollout, look_once

    with open_project() as workspace:
        if current_rollout(workspace, model) is None:
            if json_:
                print_json({"model": model, "rollout": None})
            else:
                answer(f"{model}: nothing is rolling out.")
            return
        news = follow_to_the_end(workspace, model, quiet=json_) if follow else look_once(workspace, model)
    if json_:
        print_json({"model": model, "rollout": news_json(news) if news else None})
    elif news is not None:
        for line in (*(() if follow else (news_line(news),)), *shadow_lines(news.shadow)):
            answer(line)


@rollout_app.command("abort")
def rollout_abort(
    model: ModelName, reason: Annotated[str, typer.Option(help="Why; it stays on record.")] = "aborted by hand"
) -> None:
    """Give the champion all traffic back."""
    from mvops.usecases.rollout import abort

    with open_project() as workspace:
        ended = abort(workspace, model, reason)
    say(f"{model}: the rollout of version {ended.challenger} is aborted; version {ended.champion} answers everything.")


def follow_to_the_end(workspace: Workspace, model: str, *, quiet: bool) -> RolloutNews | None:
    """Follow the rollout until it is done or aborted, or nobody asks, and say how it goes."""
    from mvops.core.progress import Progress
    from mvops.show.rollout import news_line
    from mvops.usecases.rollout import follow, patience_of

    last, answered = None, True
    with waiting() as tell:
        for news in follow(workspace, model):
            last = news
            tell(Progress(what=f"{model}: {news.state.words}", done=news.state.share, total=100))
            if (news.decision != "hold" or (answered and not news.answered)) and not quiet:
                say(f"  {news_line(news)}")
            answered = news.answered
    if last is not None and last.decision == "hold" and not quiet:
        if answered:
            say(f"  {news_line(last).rstrip('.')}")
        waited = patience_of(workspace, model, answered=last.answered)
        say(f"  No request came for {waited:g} s. Once the endpoint is asked: mvops rollout status {model} --follow")
    return last


def add_to(app: typer.Typer) -> None:
    """The commands of this file."""
    for command in (serve, loadtest, retrain, rollback):
        app.command()(command)
    rollout_app.command()(rehearse)
    app.add_typer(rollout_app, name="rollout")
