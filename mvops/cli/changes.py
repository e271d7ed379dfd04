"""What would change, and making it so: plan, show, apply, destroy, unlock."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mvops.cli.interrupts import gently
from mvops.cli.session import (
    SESSION,
    JsonFlag,
    LockTimeout,
    Overrides,
    YesFlag,
    answer,
    confirm,
    print_json,
    say,
    waiting,
)
from mvops.cli.session import project as open_project
from mvops.errors import ConflictError, MvopsError, UsageError

if TYPE_CHECKING:
    from mvops.core.apply import Done
    from mvops.core.plan import Plan
    from mvops.core.scope import Scope
    from mvops.workspace import Workspace

Targets = Annotated[
    list[str] | None,
    typer.Option("--target", help="Only this resource and what it needs; a pattern such as 'endpoint.*' too; again."),
]
Excluded = Annotated[
    list[str] | None, typer.Option("--exclude", help="All but this resource and what needs it; may be given again.")
]
Replaced = Annotated[
    list[str] | None, typer.Option("--replace", help="Make this again although nothing differs; may be given again.")
]
DriftOnly = Annotated[bool, typer.Option("--drift-only", help="Only what was changed outside of mvops.")]
WholeDiffs = Annotated[bool, typer.Option("--diff", help="Show the diffs of generated files whole.")]


def plan(
    overrides: Overrides = None,
    target: Targets = None,
    exclude: Excluded = None,
    replace: Replaced = None,
    drift_only: DriftOnly = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Compare with the registry only; says what was not looked at.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Save the plan, for `mvops apply FILE`.")] = None,
    valid_for: Annotated[
        str | None, typer.Option("--valid-for", help="With --out: after this, such as 24h, it is refused.")
    ] = None,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="0 nothing to do, 2 changes, 3 only drift outside.")
    ] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown, for a pull request.")] = False,
    diff: WholeDiffs = False,
    json_: JsonFlag = False,
) -> None:
    """Show what would change, and why."""
    from mvops.core.apply import check_allowed
    from mvops.usecases.clock import as_duration
    from mvops.usecases.plan import plan as make

    scope = _scope(target, exclude, replace, drift_only=drift_only, offline=offline)
    valid = as_duration(valid_for, "--valid-for") if valid_for else None
    if valid and out is None:
        raise UsageError("--valid-for is about a saved plan", hint="Save it: --out FILE")
    with open_project(overrides) as workspace:
        made = make(workspace, scope)
    if out is not None and not made.refusals():
        from mvops.usecases.saved_plans import save_plan

        save_plan(made, out, valid)
    _print(made, markdown=markdown, json_=json_, whole_diffs=diff)
    if made.refusals():
        check_allowed(made)
    if out is not None and not (json_ or markdown):
        say(f"Saved to {out}: `{_typed(made, out)}` does exactly this.")
    if detailed_exitcode and (made.pending() or made.unseen):
        raise typer.Exit(3 if made.only_drift() else 2 if made.pending() else 1)


def show(
    file: Annotated[Path, typer.Argument(metavar="PLANFILE", help="A saved plan.")],
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown, for a pull request.")] = False,
    diff: WholeDiffs = False,
    json_: JsonFlag = False,
) -> None:
    """Show a saved plan, in the words in which it was made."""
    if not file.is_file():
        raise UsageError(f"there is no file {file}", hint="Save a plan: mvops plan --out FILE")
    saved = _read(file)
    _print(saved, markdown=markdown, json_=json_, whole_diffs=diff)
    if not (json_ or markdown):
        until = f", to be applied before {saved.expires:%Y-%m-%d %H:%M} UTC" if saved.expires else ""
        say(f"Made by {saved.created_by} with mvops {saved.mvops}{until}: `{_typed(saved, file)}` does exactly this.")


def apply(
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[PLANFILE | OVERRIDE...]", help="A saved plan, or Hydra overrides.")
    ] = None,
    target: Targets = None,
    exclude: Excluded = None,
    replace: Replaced = None,
    drift_only: DriftOnly = False,
    lock_timeout: LockTimeout = "0s",
    yes: YesFlag = False,
    json_: JsonFlag = False,
) -> None:
    """Make it so; a run that was interrupted is taken up again."""
    from mvops.usecases.plan import plan as make

    scope = _scope(target, exclude, replace, drift_only=drift_only)
    given = arguments or []
    saved = Path(given[0]) if len(given) == 1 and "=" not in given[0] else None
    ready = _read(saved) if saved else None
    if ready and scope != _scope():
        raise UsageError("a saved plan is applied as it is, without options of its own", hint="Plan again with them.")
    if ready is not None:
        from mvops.usecases.saved_plans import check_environment

        check_environment(ready, SESSION.environment)
    with open_project(ready.overrides if ready else given) as workspace:
        _wait(workspace, lock_timeout, "apply")
        chosen = ready or make(workspace, scope)
        approval = f"saved plan, made by {ready.created_by}" if ready else "--yes" if yes else "typed"
        carry_out(workspace, chosen, approval=approval, json_=json_, command="apply")


def destroy(
    target: Targets = None,
    exclude: Excluded = None,
    lock_timeout: LockTimeout = "0s",
    yes: YesFlag = False,
    json_: JsonFlag = False,
) -> None:
    """Take away what apply made; what people made or edited stays."""
    from mvops.usecases.plan import plan as make

    with open_project() as workspace:
        _wait(workspace, lock_timeout, "destroy")
        chosen = make(workspace, _scope(target, exclude), destroy=True)
        carry_out(workspace, chosen, approval="--yes" if yes else "typed", json_=json_, command="destroy")


def unlock(lock_id: Annotated[str, typer.Argument(metavar="ID", help="As the refused command names it.")]) -> None:
    """Release the project's lock when its holder is known to be dead."""
    from mvops.registry.lock import break_lock

    with open_project() as workspace:
        was = break_lock(workspace.registry, lock_id)
    say(f"Released the lock of {was.command!r} (process {was.pid} on {was.host}).")


def _scope(
    target: list[str] | None = None,
    exclude: list[str] | None = None,
    replace: list[str] | None = None,
    *,
    drift_only: bool = False,
    offline: bool = False,
) -> Scope:
    from mvops.core.scope import Scope

    return Scope(
        targets=tuple(target or ()),
        exclude=tuple(exclude or ()),
        replace=tuple(replace or ()),
        drift_only=drift_only,
        offline=offline,
    )


def _read(file: Path) -> Plan:
    from mvops.usecases.saved_plans import read_plan

    if not file.is_file():
        raise UsageError(f"{file} is neither a saved plan nor an override", hint="Make one: mvops plan --out FILE")
    return read_plan(file.read_bytes(), str(file))


def _typed(saved: Plan, file: Path) -> str:
    return f"mvops apply {file}{f' --env {saved.environment}' if saved.environment else ''}"


def _wait(workspace: Workspace, lock_timeout: str, command: str) -> None:
    from mvops.registry.lock import wait_until_free
    from mvops.usecases.clock import as_duration

    patience = as_duration(lock_timeout, "--lock-timeout").total_seconds()
    if patience:
        wait_until_free(workspace.registry, command, patience)


def _print(made: Plan, *, markdown: bool, json_: bool, whole_diffs: bool) -> None:
    from mvops.show.plan import plan_json, plan_markdown

    if json_ and markdown:
        raise UsageError("--json and --markdown are two forms of the same plan", hint="Take one of them.")
    if json_:
        print_json(plan_json(made))
    elif markdown:
        answer(plan_markdown(made))
    else:
        _show(made, answer, whole_diffs=whole_diffs)


def _show(made: Plan, tell: Callable[[str, str], None], *, whole_diffs: bool = False) -> None:
    from mvops.show.plan import plan_lines

    for text, style in plan_lines(made, whole_diffs=whole_diffs):
        tell(text, style)


def carry_out(
    workspace: Workspace,
    chosen: Plan,
    *,
    approval: str,
    json_: bool,
    command: str,
    before: Callable[[], Workspace] | None = None,
) -> None:
    """Show the plan, ask, do it, and say what became of it; `before` is done first, once somebody said yes."""
    from mvops.core.apply import check_allowed
    from mvops.show.apply import applied_json, applied_total
    from mvops.usecases.afterwards import not_as_planned
    from mvops.usecases.confirming import word_to_type

    if not json_:
        _show(chosen, say)
    check_allowed(chosen)
    if chosen.pending() or before:
        confirm("Do it?", yes=approval != "typed", word=word_to_type(workspace, chosen))
    workspace = before() if before else workspace
    finished = list(_act(workspace, chosen, approval=approval, tell=not json_, command=command))
    errors = [_named(done.error, done.action.address) for done in finished if done.error is not None]
    otherwise = () if errors else not_as_planned(workspace, finished)
    if json_:
        print_json(applied_json(chosen, finished, otherwise))
    elif finished:
        for line in applied_total(finished, otherwise):
            say(line, "bold")
    if errors:
        raise errors[0]
    if otherwise:
        raise ConflictError(f"{otherwise[0].address} is not as planned: {otherwise[0].because}", hint="Why: mvops plan")
    if any(done.left.get("gate") == "refused" for done in finished):
        raise typer.Exit(4)


def _act(workspace: Workspace, chosen: Plan, *, approval: str, tell: bool, command: str) -> Iterator[Done]:
    from mvops.show.apply import applied_line
    from mvops.usecases.apply import apply as act

    with waiting() as progress, gently(_last_step) as stop:
        for done in act(workspace, chosen, tell=progress, command=command, approval=approval, stop=stop):
            if tell:
                say(applied_line(done))
            yield done


def _last_step() -> None:
    sys.stderr.write("stopping after this step; Ctrl-C again stops at once\n")


def _named(error: MvopsError, address: str) -> MvopsError:
    """The error that says of which resource it is."""
    if address not in error.message:
        error.message = f"{address}: {error.message}"
    return error


def add_to(app: typer.Typer) -> None:
    """The commands of this file."""
    for command in (plan, show, apply, destroy, unlock):
        app.command()(command)
