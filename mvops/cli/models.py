"""A model's versions, predictions and outcomes."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from mvops.cli.session import JsonFlag, ModelName, answer, present, print_json, say
from mvops.cli.session import project as open_project

versions_app = typer.Typer(no_args_is_help=True, help="Versions of a model: list, show, compare, promote.")
predictions_app = typer.Typer(no_args_is_help=True, help="The prediction log.")
alerts_app = typer.Typer(no_args_is_help=True, help="Who is told when something is wrong.")
outcomes_app = typer.Typer(no_args_is_help=True, help="What really happened.")

Number = Annotated[int, typer.Argument(metavar="VERSION", help="A version's number.")]
When = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="Event time, in UTC.")]


@versions_app.command("list")
def list_versions(model: ModelName, json_: JsonFlag = False) -> None:
    """All versions, newest first, and which of them answer."""
    from mvops.show.lists import Versions
    from mvops.show.versions import version_lines, version_rows
    from mvops.usecases.versions import list_versions as find

    with open_project() as workspace:
        found = find(workspace, model)
    if json_:
        print_json({"model": model, "versions": version_rows(found)})
    else:
        present(Versions(model, found), version_lines(model, found))


@versions_app.command("show")
def show_version(model: ModelName, number: Number, json_: JsonFlag = False) -> None:
    """One version: data, code, environment, parameters, metrics, and what the gate said."""
    from mvops.show.versions import version_detail
    from mvops.usecases.retrain import gate_checks
    from mvops.usecases.versions import show_version as find

    with open_project() as workspace:
        found = find(workspace, model, number)
        checks = gate_checks(workspace, model, number)
    if json_:
        print_json(found.model_dump(mode="json") | {"gate": list(checks)})
    else:
        for line in version_detail(found, checks):
            answer(line)


@versions_app.command("compare")
def compare_versions(model: ModelName, first: Number, second: Number, json_: JsonFlag = False) -> None:
    """What differs between two versions."""
    from mvops.show.versions import comparison_lines
    from mvops.usecases.versions import compare_versions as compare

    with open_project() as workspace:
        found = compare(workspace, model, first, second)
    if json_:
        print_json({"model": model, "first": first, "second": second, "differences": found.differences})
    else:
        present(found, comparison_lines(found))


@versions_app.command("promote")
def promote_version(
    model: ModelName,
    number: Number,
    reason: Annotated[str, typer.Option(help="Why; it stays on record.")] = "promoted by hand",
) -> None:
    """Make a version champion by hand, past the gate."""
    from mvops.usecases.versions import promote_version as promote

    with open_project() as workspace:
        promote(workspace, model, number, reason)
    say(f"{model}: version {number} is champion.")


@predictions_app.command("export")
def export_predictions(
    model: ModelName,
    output: Annotated[Path, typer.Option("--output", "-o", help="A .csv or .jsonl file.")],
    since: When = None,
    until: When = None,
    json_: JsonFlag = False,
) -> None:
    """Write logged predictions, with their outcomes, to a file."""
    from mvops.usecases.clock import as_utc
    from mvops.usecases.predictions import export_predictions as export

    with open_project() as workspace:
        count = export(workspace, model, output, since=as_utc(since), until=as_utc(until))
    if json_:
        print_json({"model": model, "predictions": count, "output": str(output)})
    else:
        say(f"{count} predictions written to {output}")


@outcomes_app.command("import")
def import_outcomes(
    model: ModelName,
    source: Annotated[Path, typer.Argument(metavar="FILE", help="CSV or .jsonl: prediction_id, outcome.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Correct outcomes that are known with another value; they stay otherwise.")
    ] = False,
    json_: JsonFlag = False,
) -> None:
    """Tell what really happened."""
    from mvops.show.outcomes import imported_lines
    from mvops.usecases.predictions import import_outcomes as bring

    with open_project() as workspace:
        found = bring(workspace, model, source, replace=replace)
    if json_:
        print_json({"model": model, **asdict(found)})
        return
    say("\n".join(imported_lines(model, source, found)))


@alerts_app.command("test")
def try_alerts(model: ModelName, json_: JsonFlag = False) -> None:
    """Send a harmless message to everyone whom a model's alerts would tell."""
    from mvops.usecases.notify import try_channels

    with open_project() as workspace:
        told = list(try_channels(workspace, model))
    if json_:
        channels = [
            {"notifier": name, "delivered": error is None, "error": error and error.message} for name, error in told
        ]
        print_json({"model": model, "channels": channels})
    for name, error in () if json_ else told:
        (say if error is None else answer)(f"{name}: {'told' if error is None else error.message}")
    if any(error is not None for _, error in told):
        raise typer.Exit(1)


def add_to(app: typer.Typer) -> None:
    """The commands of this file."""
    app.add_typer(alerts_app, name="alerts")
    app.add_typer(versions_app, name="versions")
    app.add_typer(predictions_app, name="predictions")
    app.add_typer(outcomes_app, name="outcomes")
