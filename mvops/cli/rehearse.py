"""A challenger on what was asked before: rollout rehearse."""

from __future__ import annotations

from typing import Annotated

import typer

from mvops.cli.session import JsonFlag, ModelName, answer, print_json, waiting
from mvops.cli.session import project as open_project


def rehearse(
    model: ModelName,
    version: Annotated[int | None, typer.Option(metavar="N", help="Instead of the challenger, or the newest.")] = None,
    run: Annotated[str | None, typer.Option(metavar="ID", help="The version that this run made.")] = None,
    last: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many of the newest logged rows.")] = 1000,
    max_disagreement: Annotated[
        float | None,
        typer.Option(
            "--max-disagreement", min=0, metavar="SHARE", help="Exit 4 above: rows with another class, or of the value."
        ),
    ] = None,
    max_p99: Annotated[float | None, typer.Option("--max-p99", metavar="MS", help="Exit 4 if it is above.")] = None,
    json_: JsonFlag = False,
) -> None:
    """Have a version answer what was asked before, without any traffic: how far it is from what was given."""
    from mvops.errors import GateRefusedError
    from mvops.show.rehearsal import rehearsal_json, rehearsal_lines
    from mvops.usecases.rehearsing import Wanted
    from mvops.usecases.rehearsing import rehearse as ask

    wanted = Wanted(version=version, run=run, last=last, max_disagreement=max_disagreement, max_p99=max_p99)
    with open_project() as workspace, waiting() as tell:
        found = ask(workspace, model, wanted, tell)
        classifies = workspace.model(model).evaluate.task == "classification"
    if json_:
        print_json(rehearsal_json(found))
    else:
        for line in rehearsal_lines(found, classifies=classifies):
            answer(line)
    if found.broken:
        raise GateRefusedError("; ".join(found.broken))
