"""From a folder and a notebook to a pipeline that runs: init, promote, run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mvops.cli.session import (
    SESSION,
    JsonFlag,
    ModelName,
    answer,
    passed,
    present,
    print_json,
    say,
    waiting,
)
from mvops.cli.session import project as open_project
from mvops.errors import UsageError

if TYPE_CHECKING:
    from mvops.usecases.promote import Promoted
    from mvops.workspace import Workspace


def init(
    folder: Annotated[Path | None, typer.Argument(metavar="[DIR]", help="Where; this folder if left out.")] = None,
    team: Annotated[str | None, typer.Option(help="How large the team is: small, medium or large.")] = None,
    phase: Annotated[str | None, typer.Option(help="How far along: day_30, day_60 or day_90.")] = None,
    name: Annotated[str | None, typer.Option(help="The project's name; the folder's if left out.")] = None,
    example: Annotated[str | None, typer.Option(help="Start with an example: flights, or flights-features.")] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of the endpoint.")] = 8000,
) -> None:
    """Make a project from a preset; on a terminal, it asks for what was not said (else small, day_30)."""
    from mvops.show.init import created_lines
    from mvops.usecases.init import init as make

    root = SESSION.directory / (folder or Path())
    team = team or _ask("How many engineers work on models? small: 1 to 3, medium: 4 to 8, large: 9 or more", "small")
    phase = phase or _ask("How far along are they? day_30: begin, day_60: automate, day_90: validate", "day_30")
    created = make(root, team=team, phase=phase, name=name, example=example, port=port)
    for line in created_lines(created):
        say(line)
    if any(path.startswith("configs/models/") for path in created.files):  # an example that brings its pipeline
        say(f"Next: {_in(root if folder else None)}mvops apply")
        return
    notebook = next((p for p in created.files if p.endswith(".ipynb")), "notebooks/YOURS.ipynb")
    say(f"Next: {_in(root if folder else None)}mvops promote {notebook} --verify")


def _ask(question: str, default: str) -> str:
    """What a person types; the default where nobody can."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return default
    answered: str = typer.prompt(question, default=default)
    return answered.strip()


def _in(folder: Path | None) -> str:
    return f"cd {folder} && " if folder and folder.resolve() != Path.cwd() else ""


def promote(
    notebooks: Annotated[
        list[Path],
        typer.Argument(metavar="NOTEBOOK...", help="It is never changed. Several make one pipeline, in their order."),
    ],
    name: Annotated[
        str | None, typer.Option("--name", "--model", help="The model's name; the notebook's if left out, of one.")
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="auto, none or headings: where steps begin; auto, or as last time.")
    ] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Run both and compare their numbers.")] = False,
    tolerance: Annotated[
        float | None,
        typer.Option(help="By how much, relatively, numbers may differ in --verify. Default: 1e-9."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what an earlier promote made.")] = False,
    update: Annotated[
        bool, typer.Option("--update", help="Merge what changed in the notebook since into what was made of it.")
    ] = False,
    on_conflict: Annotated[
        str, typer.Option(help="stop, mine or original: what --update does with a cell that was changed in both.")
    ] = "stop",
    kernel: Annotated[str | None, typer.Option(help="The Jupyter kernel to run it in, if not its own.")] = None,
    python: Annotated[Path | None, typer.Option(help="Or the interpreter, with ipykernel installed.")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only say what is to be known of it, cell by cell; writes nothing.")
    ] = False,
    json_: JsonFlag = False,
) -> None:
    """Turn a notebook, or several, into a pipeline and a model's YAML."""
    proof = _proof(tolerance, verify=verify)
    if check:
        _check(notebooks, name, json_=json_)
        return
    if kernel and python:
        raise UsageError("--kernel and --python: each says by itself what runs the notebook", hint="Give one of them.")
    if update and force:
        raise UsageError("--update merges and --force makes anew", hint="Choose one of them.")
    if update and (kernel or python):
        raise UsageError("--update keeps what runs the notebook", hint="Change it in the model's YAML, under pipeline.")
    if update:
        _update(notebooks, name, split, on_conflict, proof=proof, json_=json_)
        return
    from mvops.notebook.kernels import Asked
    from mvops.show.promotion import promotion_lines
    from mvops.usecases.promote import promote as make

    with open_project(sound=True) as workspace:
        asked = Asked(kernel, python)
        made = make(workspace, notebooks, name=name, split=split or "auto", force=force, asked=asked)
        if not json_:
            present(made, promotion_lines(made), say)
        _proved(workspace, made, made.as_json(), proof=proof, json_=json_, may_join=split in {None, "auto"})


def _update(
    notebooks: list[Path], name: str | None, split: str | None, on_conflict: str, *, proof: float | None, json_: bool
) -> None:
    from mvops.show.promotion import update_lines
    from mvops.usecases.update import update

    with open_project() as workspace:
        done = update(workspace, notebooks, name=name, split=split, on_conflict=on_conflict)
        if not json_:
            present(done, update_lines(done), say)
        _proved(workspace, done.made, done.as_json(), proof=proof, json_=json_)


def _proved(
    workspace: Workspace,
    made: Promoted | None,
    told: dict[str, Any],
    *,
    proof: float | None,
    json_: bool,
    may_join: bool = False,
) -> None:
    """Say what was done, with the proof within `proof` where one is asked for; exit with 4 where the numbers differ."""
    if proof is None or made is None:
        if json_:
            print_json(told)
        return
    from mvops.show.html.verification import page
    from mvops.show.promotion import promotion_lines, verification_lines
    from mvops.usecases.proving import keep_report, prove

    with waiting() as tell:
        proved = prove(workspace, made, may_join=may_join, tolerance=proof, tell=tell)
    made, found = proved.made, proved.proof
    report = keep_report(workspace, made, found, str(page(made, found)))
    if json_:
        told = made.as_json() if proved.why_whole else told
        print_json(told | {"verification": found.as_json(), "report": report, "why_whole": proved.why_whole})
    else:
        if proved.why_whole:
            each = "Each notebook" if len(made.notebooks) > 1 else "It"
            say(f"In steps it does not hold: {proved.why_whole}. {each} is promoted again, as one step.")
            present(made, promotion_lines(made), say)
        present(found, verification_lines(found))
        answer(f"  report: {report}")
    if found.verdict == "different":
        raise typer.Exit(4)


def _proof(tolerance: float | None, *, verify: bool) -> float | None:
    """The tolerance of the proof; None where none is asked for. Raises UsageError before anything is written."""
    if tolerance is not None and not verify:
        raise UsageError("--tolerance is how far numbers may differ in --verify", hint="Type both, or neither.")
    if not verify:
        return None
    from mvops.notebook.shown import TOLERANCE
    from mvops.usecases.proving import check_tolerance

    chosen = TOLERANCE if tolerance is None else tolerance
    check_tolerance(chosen)
    return chosen


def _check(notebooks: list[Path], name: str | None, *, json_: bool) -> None:
    from mvops.show.preflight import preflight_lines
    from mvops.usecases.preflight import check

    found = check(SESSION.directory, notebooks, name=name)
    if json_:
        print_json(found.as_json())
    else:
        present(found, preflight_lines(found))
    if found.prevented:
        raise typer.Exit(1)


def run(
    model: ModelName,
    parameter: Annotated[
        list[str] | None, typer.Option("-p", "--parameter", help="key=value; may be given again.")
    ] = None,
    step: Annotated[str | None, typer.Option(help="Only this step, on what the steps before left.")] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Run every step.")] = False,
    json_: JsonFlag = False,
) -> None:
    """Run a model's pipeline without making a version."""
    from mvops.show.run import run_lines

    if not no_cache and step is None and SESSION.display is None:
        _run_plainly(model, parameter or [], json_=json_)
        return
    from mvops.usecases.parameters import parse_parameters
    from mvops.usecases.run import run as execute

    with open_project() as workspace, waiting() as tell:
        done = execute(
            workspace, model, parameters=parse_parameters(parameter or []), step=step, use_cache=not no_cache, tell=tell
        )
    if json_:
        print_json(done.model_dump(mode="json", exclude={"runner"}))
    else:
        present(done, run_lines(done), say)


def _run_plainly(model: str, parameters: list[str], *, json_: bool) -> None:
    """Say what the last run said, where that had nothing to do and nothing has changed since."""
    from mvops.show.run import run_lines, told_lines
    from mvops.usecases.quiet_run import QuietRun

    quiet = QuietRun(SESSION.directory, model, parameters, SESSION.environment)
    told = quiet.again()
    if told is not None:
        passed(f"{model}: {step['step']}" for step in told["steps"])
        lines = told_lines(told)
    else:
        from mvops.usecases.parameters import parse_parameters

        with open_project() as workspace, waiting() as tell:
            done = quiet.run(workspace, parse_parameters(parameters), tell)
        told = done.model_dump(mode="json", exclude={"runner"})
        lines = run_lines(done)
    if json_:
        print_json(told)
        return
    for line in lines:
        say(line)


def add_to(app: typer.Typer) -> None:
    """The commands of this file."""
    for command in (init, promote, run):
        app.command()(command)
