"""Finding one's way: doctor, maturity, schema, demo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mvops.cli.session import SESSION, JsonFlag, answer, print_json, say
from mvops.cli.session import project as open_project


def doctor(json_: JsonFlag = False) -> None:
    """Check this machine and the project: what works, what is missing, what to type."""
    from mvops.show.doctor import doctor_lines
    from mvops.usecases.doctor import examine

    found = examine(SESSION.directory, SESSION.environment)
    if json_:
        print_json({"checks": [check.as_json() for check in found]})
    else:
        for line, style in doctor_lines(found):
            answer(line, style)
    if any(check.status == "bad" for check in found):
        raise typer.Exit(1)


def maturity(
    next_: Annotated[bool, typer.Option("--next", help="Show the plan of the next phase.")] = False,
    json_: JsonFlag = False,
) -> None:
    """For each capability of this phase and of the next: the evidence that it works, with its date."""
    from mvops.show.maturity import maturity_json, maturity_lines
    from mvops.show.plan import plan_json, plan_lines
    from mvops.usecases.maturity import maturity as look
    from mvops.usecases.maturity import next_plan

    with open_project() as workspace:
        if next_:
            preset, made = next_plan(workspace)
        else:
            found = look(workspace)
    if next_:
        if json_:
            print_json({"next": preset} | plan_json(made))
            return
        for line, style in plan_lines(made):
            answer(line, style)
        say(f"To go there: write `- preset: {preset}` in configs/project.yaml, then: mvops apply")
    elif json_:
        print_json(maturity_json(found))
    else:
        for line, style in maturity_lines(found):
            answer(line, style)


def schema(
    what: Annotated[str, typer.Argument(help="project, model, features or env.")] = "model",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write all schemas into this folder.")] = None,
) -> None:
    """Print the JSON Schema with which editors complete and check the YAML."""
    from mvops.core.typed import Quoted
    from mvops.usecases.schema import schema_text, write_schemas

    if output is None:
        answer(Quoted(schema_text(what)))
        return
    for path, line in write_schemas(output):
        say(f"{path}   first line of the YAML: {line}")


def demo(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="A new folder for the demo's project.")] = Path(
        "flights-demo"
    ),
    fast: Annotated[bool, typer.Option("--fast", help="Fewer days, a smaller model.")] = False,
    port: Annotated[int | None, typer.Option(help="For the endpoint; a free one if left out.")] = None,
) -> None:
    """The main job, end to end, on real flights: promote, plan, apply, serve, monitor, retrain, roll back."""
    from mvops.usecases.demo import demo as show

    show(SESSION.directory / folder, fast=fast, port=port, say=say)


def add_to(app: typer.Typer) -> None:
    """The commands of this file."""
    for command in (doctor, maturity, schema, demo):
        app.command()(command)
