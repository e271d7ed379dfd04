"""Taking over what is already there: import."""

from __future__ import annotations

from typing import Annotated

import typer

from mvops.cli.session import JsonFlag, print_json, say
from mvops.cli.session import project as open_project


def import_(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="What is there: models:/NAME/VERSION of MLflow, a model's file, a notebook, crontab: or a "
            "crontab file, a workflow of GitHub's, a DAG of Airflow's, the URL of an endpoint, dvc.yaml.",
        ),
    ],
    name: Annotated[str | None, typer.Option("--name", "--model", help="What its model is called here.")] = None,
    data: Annotated[
        str | None, typer.Option(help="For a model: CSV or Parquet file of the project with rows that it has not seen.")
    ] = None,
    target: Annotated[str | None, typer.Option(help="The column there that holds the truth.")] = None,
    uri: Annotated[str | None, typer.Option(help="Where MLflow is, instead of tracker.options.uri.")] = None,
    trust_pickle: Annotated[
        bool, typer.Option("--trust-pickle", help="Load a pickle once, which can run any code, to keep it as skops.")
    ] = False,
    entry: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="Which one, where the source holds several.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over what the YAML says otherwise.")] = False,
    json_: JsonFlag = False,
) -> None:
    """Take over what is there already: its files and its YAML are written, the next apply does the rest."""
    from mvops.show.importing import imported_lines
    from mvops.sources.source import Asked
    from mvops.usecases.importing import import_ as take_over

    asked = Asked(source, name, data, target, uri, trust_pickle=trust_pickle, entry=entry, force=force)
    with open_project() as workspace:
        done = take_over(workspace, asked)
    if json_:
        print_json(done.as_json())
        return
    for line in imported_lines(done):
        say(line)


def add_to(app: typer.Typer) -> None:
    """The command of this file."""
    app.command("import")(import_)
