"""Taking over what is already there: import."""

from __future__ import annotations

from typing import Annotated

import typer

from mvops.cli.session import JsonFlag, print_json, say
from mvops.cli.session import project as open_project


def import_(
    reference: Annotated[
        str,
        typer.Argument(metavar="REFERENCE", help="In MLflow's registry: models:/NAME/VERSION, or models:/NAME@ALIAS."),
    ],
    data: Annotated[str, typer.Option(help="CSV or Parquet file of the project with rows that it has not seen.")],
    target: Annotated[str, typer.Option(help="The column there that holds the truth.")],
    name: Annotated[str | None, typer.Option(help="What it is called here, instead of its name there.")] = None,
    uri: Annotated[str | None, typer.Option(help="Where MLflow is, instead of tracker.options.uri.")] = None,
    trust_pickle: Annotated[
        bool, typer.Option("--trust-pickle", help="Load a pickle once, which can run any code, to keep it as skops.")
    ] = False,
    json_: JsonFlag = False,
) -> None:
    """Take over a model that is in MLflow: its artefact, a pipeline that evaluates it, its YAML."""
    from mvops.usecases.importing import HeldOut, import_model

    with open_project() as workspace:
        done = import_model(workspace, reference, HeldOut(data, target), name=name, uri=uri, trust_pickle=trust_pickle)
    if json_:
        print_json({"model": done.model, "source": done.source, "files": done.files, "notes": done.notes})
        return
    say(f"{done.source} is {done.model} here: {', '.join(done.files)}")
    for note in done.notes:
        say(f"note: {note}")
    say("Nothing is registered or served yet: mvops plan, then mvops apply")


def add_to(app: typer.Typer) -> None:
    """The command of this file."""
    app.command("import")(import_)
