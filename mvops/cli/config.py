"""The spec as mvops reads it: config show, config diff."""

from __future__ import annotations

from typing import Annotated

import typer

from mvops.cli.session import SESSION, JsonFlag, answer, print_json
from mvops.core.typed import Quoted
from mvops.errors import UsageError

config_app = typer.Typer(no_args_is_help=True, help="The YAML as mvops reads it: show, diff.")


@config_app.command("show")
def show(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY | OVERRIDE]...", help="A key such as models.churn.monitor; Hydra overrides."),
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say of every value which file and line it came from.")
    ] = False,
    json_: JsonFlag = False,
) -> None:
    """Print the spec as YAML: composed from all files, checked, with every default. Secrets stay references."""
    from mvops.show.config import config_json, config_lines
    from mvops.usecases.config import config

    given = arguments or []
    overrides = [text for text in given if "=" in text or text.startswith(("+", "~"))]
    keys = [text for text in given if text not in overrides]
    if len(keys) > 1:
        raise UsageError(f"one key at a time, not {' and '.join(keys)}")
    found = config(SESSION.directory, "".join(keys), overrides, SESSION.environment)
    if json_:
        print_json(config_json(found, explain=explain))
    else:
        for line in config_lines(found, explain=explain):
            answer(Quoted(line))


@config_app.command("diff")
def diff(
    environment: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="An environment; the project without one if left out.")
    ] = None,
    detailed_exitcode: Annotated[bool, typer.Option("--detailed-exitcode", help="2 if there are differences.")] = False,
    json_: JsonFlag = False,
) -> None:
    """Compare with another environment, by what is written: references that differ in their result are the same."""
    from mvops.show.config import difference_json, difference_lines
    from mvops.usecases.config import differences

    found = differences(SESSION.directory, SESSION.environment, environment)
    if json_:
        print_json({"from": SESSION.environment, "to": environment, "differences": difference_json(found)})
    else:
        names = [f"environment {name}" if name else "the project" for name in (SESSION.environment, environment)]
        for line in difference_lines(found, (names[0], names[1])):
            answer(Quoted(line))
    if found and detailed_exitcode:
        raise typer.Exit(2)


def add_to(app: typer.Typer) -> None:
    """The commands of this file."""
    app.add_typer(config_app, name="config")
