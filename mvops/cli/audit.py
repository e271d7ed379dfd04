"""Proof after the fact: a version made again."""

from __future__ import annotations

from typing import Annotated

import typer

from mvops.cli.session import JsonFlag, answer, print_json, waiting
from mvops.cli.session import project as open_project


def reproduce(
    version: Annotated[str, typer.Argument(metavar="MODEL@VERSION", help="Such as churn@3; the champion without @.")],
    tolerance: Annotated[float, typer.Option(min=0, help="How far two numbers may differ.")] = 1e-9,
    json_: JsonFlag = False,
) -> None:
    """Train a version again on its own data, code and parameters, and compare."""
    from mvops.show.reproduction import reproduction_lines
    from mvops.usecases.reproduce import reproduce as make_again

    with open_project() as workspace, waiting() as tell:
        found = make_again(workspace, version, tolerance=tolerance, tell=tell)
    if json_:
        print_json(found.model_dump(mode="json"))
    else:
        for line in reproduction_lines(found):
            answer(line)
    if found.verdict == "different":
        raise typer.Exit(4)


def add_to(app: typer.Typer) -> None:
    """The commands of this file."""
    app.command()(reproduce)
