"""Feature views: list, materialize."""

from __future__ import annotations

from typing import Annotated

import typer

from mvops.cli.observe import When
from mvops.cli.session import JsonFlag, answer, print_json, waiting
from mvops.cli.session import project as open_project

features_app = typer.Typer(no_args_is_help=True, help="Feature views: list, materialize.")


@features_app.command("list")
def list_all(json_: JsonFlag = False) -> None:
    """All feature views, how fresh their online values are, and who looks them up."""
    from mvops.show.features import view_lines
    from mvops.usecases.features import list_views

    with open_project() as workspace:
        found = list_views(workspace)
    if json_:
        print_json({"views": [view.model_dump(mode="json") for view in found]})
    for line in () if json_ else view_lines(found):
        answer(line)


@features_app.command()
def materialize(
    views: Annotated[list[str] | None, typer.Argument(metavar="[VIEW...]", help="All online ones if left out.")] = None,
    until: When = None,
    json_: JsonFlag = False,
) -> None:
    """Bring what is new since the last time into the online store."""
    from mvops.show.features import view_lines
    from mvops.usecases.clock import as_utc
    from mvops.usecases.features import materialize as bring

    with open_project() as workspace, waiting() as tell:
        done = bring(workspace, views or (), until=as_utc(until), tell=tell)
    if json_:
        print_json({"views": [view.model_dump(mode="json") for view in done]})
    for line in () if json_ else view_lines(done):
        answer(line)


def add_to(app: typer.Typer) -> None:
    """The commands of this file."""
    app.add_typer(features_app, name="features")
