"""The project as a whole: init, promote, plan, apply, destroy, run."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mvops.cli.session import (
    SESSION,
    JsonFlag,
    ModelName,
    Overrides,
    YesFlag,
    answer,
    confirm,
    print_json,
    say,
    waiting,
)
from mvops.cli.session import project as open_project
from mvops.errors import UsageError

if TYPE_CHECKING:
    from mvops.core.plan import Plan
    from mvops.workspace import Workspace

Targets = Annotated[
    list[str] | None, typer.Option("--target", help="Only this resource and what it needs; may be given again.")
]


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
        say(f"Next: {_in(folder)}mvops apply")
        return
    notebook = next((p for p in created.files if p.endswith(".ipynb")), "notebooks/YOURS.ipynb")
    say(f"Next: {_in(folder)}mvops promote {notebook} --verify")


def _ask(question: str, default: str) -> str:
    """What a person types; the default where nobody can."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return default
    answered: str = typer.prompt(question, default=default)
    return answered.strip()


def _in(folder: Path | None) -> str:
    return f"cd {folder} && " if folder and folder.resolve() != Path.cwd() else ""


def promote(
    notebook: Annotated[Path, typer.Argument(help="The notebook; it is never changed.")],
    name: Annotated[str | None, typer.Option(help="The model's name; the notebook's if left out.")] = None,
    split: Annotated[str, typer.Option(help="auto, none or headings: where steps begin.")] = "auto",
    verify: Annotated[bool, typer.Option("--verify", help="Run both and compare their numbers.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace what an earlier promote made.")] = False,
    json_: JsonFlag = False,
) -> None:
    """Turn a notebook into a pipeline and a model's YAML."""
    from mvops.show.promotion import promotion_lines, verification_lines
    from mvops.usecases.promote import promote as make
    from mvops.usecases.promote import verify as prove

    with open_project() as workspace:
        made = make(workspace, notebook, name=name, split=split, force=force)
        if not json_:
            for line in promotion_lines(made):
                say(line)
        if not verify:
            if json_:
                print_json(made.as_json())
            return
        with waiting() as tell:
            proof = prove(workspace, made, tell=tell)
    if json_:
        print_json(made.as_json() | {"verification": proof.as_json()})
    else:
        for line in verification_lines(proof):
            answer(line)
    if proof.verdict == "different":
        raise typer.Exit(4)


def plan(
    overrides: Overrides = None,
    target: Targets = None,
    out: Annotated[Path | None, typer.Option(help="Save the plan, for `mvops apply FILE`.")] = None,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="0 nothing to do, 2 changes, 3 only drift outside.")
    ] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown, for a pull request.")] = False,
    json_: JsonFlag = False,
) -> None:
    """Show what would change, and why."""
    from mvops.show.plan import plan_json, plan_markdown
    from mvops.usecases.plan import plan as make

    with open_project(overrides) as workspace:
        made = make(workspace, targets=target or ()).model_copy(update={"overrides": tuple(overrides or ())})
    if out is not None:
        from mvops.atomic import write_atomically

        write_atomically(out, made.model_dump_json(indent=2).encode())
    if json_:
        print_json(plan_json(made))
    elif markdown:
        answer(plan_markdown(made))
    else:
        _show(made, answer)
        if out is not None:
            say(f"Saved to {out}: `mvops apply {out}` does exactly this.")
    if detailed_exitcode and (made.pending() or made.unseen):
        raise typer.Exit(3 if made.only_drift() else 2 if made.pending() else 1)


def apply(
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[PLANFILE | OVERRIDE...]", help="A saved plan, or Hydra overrides.")
    ] = None,
    target: Targets = None,
    yes: YesFlag = False,
    json_: JsonFlag = False,
) -> None:
    """Make it so; a run that was interrupted is taken up again."""
    from mvops.usecases.apply import read_plan
    from mvops.usecases.plan import plan as make

    given = arguments or []
    saved = Path(given[0]) if len(given) == 1 and "=" not in given[0] else None
    if saved is not None and not saved.is_file():
        raise UsageError(f"{saved} is neither a saved plan nor an override", hint="Make one: mvops plan --out FILE")
    ready = read_plan(saved.read_bytes(), str(saved)) if saved else None
    with open_project(ready.overrides if ready else given) as workspace:
        chosen = ready or make(workspace, targets=target or ())
        _carry_out(workspace, chosen, yes=yes or saved is not None, json_=json_, command="apply")


def destroy(yes: YesFlag = False, json_: JsonFlag = False) -> None:
    """Take away what apply made; what people made or edited stays."""
    from mvops.usecases.plan import plan as make

    with open_project() as workspace:
        _carry_out(workspace, make(workspace, destroy=True), yes=yes, json_=json_, command="destroy")


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
    from mvops.usecases.parameters import parse_parameters
    from mvops.usecases.run import run as execute

    with open_project() as workspace, waiting() as tell:
        done = execute(
            workspace, model, parameters=parse_parameters(parameter or []), step=step, use_cache=not no_cache, tell=tell
        )
    if json_:
        print_json(done.model_dump(mode="json"))
    else:
        for line in run_lines(done):
            say(line)


def unlock(lock_id: Annotated[str, typer.Argument(metavar="ID", help="As the refused command names it.")]) -> None:
    """Release the project's lock when its holder is known to be dead."""
    from mvops.registry.lock import break_lock

    with open_project() as workspace:
        was = break_lock(workspace.registry, lock_id)
    say(f"Released the lock of {was.command!r} (process {was.pid} on {was.host}).")


def _show(made: Plan, tell: Callable[[str, str], None]) -> None:
    from mvops.show.plan import plan_lines

    for text, style in plan_lines(made):
        tell(text, style)


def _carry_out(workspace: Workspace, chosen: Plan, *, yes: bool, json_: bool, command: str) -> None:
    from mvops.show.apply import applied_json, applied_line, applied_total
    from mvops.usecases.apply import apply as act

    if not json_:
        _show(chosen, say)
    if chosen.pending():
        confirm("Do it?", yes=yes)
    finished = []
    with waiting() as tell:
        for done in act(workspace, chosen, tell=tell, command=command):
            finished.append(done)
            if not json_:
                say(applied_line(done))
    if json_:
        print_json(applied_json(chosen, finished))
    elif finished:
        say(applied_total(finished), "bold")
    for done in finished:
        if done.error is not None:
            raise done.error
    if any(done.left.get("gate") == "refused" for done in finished):
        raise typer.Exit(4)


def add_to(app: typer.Typer) -> None:
    """The commands of this file."""
    for command in (init, promote, plan, apply, destroy, run, unlock):
        app.command()(command)
