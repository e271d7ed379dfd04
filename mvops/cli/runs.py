"""The runs of a model's pipeline: list, show, compare, their notebooks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mvops.cli.session import JsonFlag, ModelName, answer, present, print_json, say
from mvops.cli.session import project as open_project

runs_app = typer.Typer(no_args_is_help=True, help="Runs of a model's pipeline: list, show, compare, their notebooks.")

RunId = Annotated[str, typer.Argument(metavar="ID", help="A run's id, or a beginning or end that no other has.")]


@runs_app.command("list")
def list_runs(
    model: ModelName,
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 20,
    json_: JsonFlag = False,
) -> None:
    """The newest runs, newest first, with their metrics and what they became."""
    from mvops.show.lists import Runs
    from mvops.show.runs import run_rows, run_table
    from mvops.usecases.runs import list_runs as find

    with open_project() as workspace:
        found = find(workspace, model, limit)
    if json_:
        print_json({"model": model, "runs": run_rows(found)})
    else:
        present(Runs(model, found), run_table(model, found))


@runs_app.command("show")
def show_run(run_id: RunId, json_: JsonFlag = False) -> None:
    """One run: parameters, metrics, inputs, code, steps, error."""
    from mvops.show.runs import run_detail, run_rows
    from mvops.usecases.runs import show_run as find

    with open_project() as workspace:
        found = find(workspace, run_id)
    if json_:
        print_json(run_rows([found])[0])
    else:
        present(found.run, run_detail(found))


@runs_app.command("compare")
def compare_runs(
    first: RunId,
    second: RunId,
    more: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="More runs.")] = None,
    json_: JsonFlag = False,
) -> None:
    """What differs between runs."""
    from mvops.show.runs import run_comparison
    from mvops.usecases.runs import compare_runs as compare

    with open_project() as workspace:
        found = compare(workspace, first, second, *(more or ()))
    if json_:
        print_json({"runs": [run.id for run in found.runs], "differences": found.differences})
    else:
        for line in run_comparison(found):
            answer(line)


@runs_app.command("notebook")
def notebook(
    run_id: RunId,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="A folder; made if it is not there. With --html also a file that ends so."),
    ] = None,
    step: Annotated[str | None, typer.Option(help="Only this step's.")] = None,
    html: Annotated[
        bool, typer.Option("--html", help="As one page that a browser shows; without --output in .mvops/reports.")
    ] = False,
    json_: JsonFlag = False,
) -> None:
    """Write a run's executed notebooks, and the plots in them, to a folder, or as one page."""
    from mvops.errors import UsageError
    from mvops.show.runs import written_lines
    from mvops.usecases.runs import export_notebooks, export_page

    if output is None and not html:
        raise UsageError("where shall the notebooks go", hint="Name a folder: --output DIR. Or look at a page: --html")
    with open_project() as workspace:
        if output is None or html:
            written = export_page(workspace, run_id, output, step=step)
        else:
            written = export_notebooks(workspace, run_id, output, step=step)
    if json_:
        print_json({"files": [str(path) for path in written]})
    else:
        for line in written_lines(written):
            say(line)


def add_to(app: typer.Typer) -> None:
    """The commands of this file."""
    app.add_typer(runs_app, name="runs")
