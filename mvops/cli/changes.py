"""What would change, and making it so: plan, show, apply, destroy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mvops.cli.carrying_out import carry_out, show_plan
from mvops.cli.session import (
    SESSION,
    JsonFlag,
    LockTimeout,
    Overrides,
    YesFlag,
    answer,
    answer_all,
    as_signed,
    print_json,
    say,
)
from mvops.cli.session import project as open_project
from mvops.errors import ConflictError, UsageError

if TYPE_CHECKING:
    from datetime import timedelta

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
    list[str] | None,
    typer.Option(
        "--replace", help="Make this again although nothing differs, a model with its pipeline; may be given again."
    ),
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
    sign: Annotated[
        Path | None, typer.Option(metavar="KEY", help="With --out: sign it with this SSH key, into FILE.sig.")
    ] = None,
    destroy: Annotated[bool, typer.Option("--destroy", help="Plan what `mvops destroy` would do.")] = False,
    detailed_exitcode: Annotated[
        bool,
        typer.Option(
            "--detailed-exitcode", help="0 nothing to do, 1 cannot be applied, 2 changes, 3 only drift outside."
        ),
    ] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown, for a pull request.")] = False,
    diff: WholeDiffs = False,
    json_: JsonFlag = False,
) -> None:
    """Show what would change, and why."""
    chosen = {option for option, given in locals().items() if given} - {"overrides", "detailed_exitcode"}
    if not chosen and SESSION.display is None:
        _plan_plainly(overrides or (), detailed_exitcode=detailed_exitcode)
        return
    from mvops.usecases.clock import as_period
    from mvops.usecases.plan import plan as make

    scope = _scope(target, exclude, replace, drift_only=drift_only, offline=offline)
    valid = as_period(valid_for, "--valid-for") if valid_for is not None else None
    for option, given in (("--valid-for", valid), ("--sign", sign)):
        if given and out is None:
            raise UsageError(f"{option} is about a saved plan", hint="Save it: --out FILE")
    if destroy and (replace or drift_only):
        raise UsageError("--destroy takes away: nothing is made again or mended then", hint="Leave the other one out.")
    with open_project(overrides) as workspace:
        made = make(workspace, scope, destroy=destroy)
        saved = _save(workspace, made, out, valid, sign) if out is not None and not made.refusals() else ""
    _print(made, markdown=markdown, json_=json_, whole_diffs=diff)
    _refuse(made)
    if saved and not (json_ or markdown):
        say(saved)
    if detailed_exitcode:
        _leave(made)


def _plan_plainly(overrides: Sequence[str], *, detailed_exitcode: bool) -> None:
    """Say what the last plan said, where that had nothing to do and nothing has changed since."""
    from mvops.usecases.quiet import QuietPlan

    quiet = QuietPlan(SESSION.directory, overrides, SESSION.environment)
    said = quiet.still()
    if said is None:
        from mvops.show.plan import plan_lines
        from mvops.usecases.plan import plan as make
        from mvops.witness import witnessing

        with open_project(overrides) as workspace:
            with witnessing() as witness:
                made = make(workspace)
            said = [(as_signed(text), style) for text, style in plan_lines(made)]
            quiet.remember(workspace, made, said, witness)
    else:
        made = None
    for text, style in said:
        answer(text, style)
    if made is not None:
        _refuse(made)
        if detailed_exitcode:
            _leave(made)


def _refuse(made: Plan) -> None:
    from mvops.core.apply import check_allowed

    if made.refusals():
        check_allowed(made)


def _leave(made: Plan) -> None:
    """With the exit code that says what there is to do; raises ConflictError for what apply would refuse."""
    from mvops.core.apply import check_allowed

    check_allowed(made)
    if made.pending() or made.unseen:
        raise typer.Exit(3 if made.only_drift() else 2 if made.pending() else 1)


def _save(workspace: Workspace, made: Plan, out: Path, valid: timedelta | None, key: Path | None) -> str:
    """Save it; returns what to say of it."""
    from mvops.usecases.saved_plans import save_plan
    from mvops.usecases.signatures import by_hand, signer_of, signers_of

    save_plan(workspace, made, out, valid, key)
    does = _does(made, out)
    if key is None:
        unsigned = signers_of(workspace) is not None
        return f"Saved to {out}: sign it ({by_hand(out)}), then {does}" if unsigned else f"Saved to {out}: {does}"
    try:
        name = signer_of(workspace, out.read_bytes(), out)
    except ConflictError as error:
        workspace.remarks.append(f"{out} is signed, and will be refused: {error.message}")
        return f"Saved to {out} and signed."
    if name is None:
        workspace.remarks.append("nobody looks at signatures here: name who may sign in the YAML, plan.signers")
    return f"Saved to {out} and signed{f' by {name}' if name else ''}: {does}"


def show(
    file: Annotated[Path, typer.Argument(metavar="PLANFILE", help="A saved plan.")],
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown, for a pull request.")] = False,
    diff: WholeDiffs = False,
    json_: JsonFlag = False,
) -> None:
    """Show a saved plan, in the words in which it was made."""
    if not file.is_file():
        raise UsageError(f"there is no file {file}", hint="Save a plan: mvops plan --out FILE")
    from mvops.usecases.saved_plans import read_plan

    saved = read_plan(_content(file), str(file))
    _print(saved, markdown=markdown, json_=json_, whole_diffs=diff)
    if not (json_ or markdown):
        until = f", to be applied before {saved.expires:%Y-%m-%d %H:%M} UTC" if saved.expires else ""
        say(f"Made by {saved.created_by} with mvops {saved.mvops}{until}: {_does(saved, file)}")


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
    from mvops.usecases.saved_plans import check_environment, check_fresh, check_saved, read_plan
    from mvops.usecases.signatures import check_signed

    scope = _scope(target, exclude, replace, drift_only=drift_only)
    given = arguments or []
    saved = Path(given[0]) if len(given) == 1 and "=" not in given[0] else None
    text = _content(saved) if saved else b""
    ready = read_plan(text, str(saved)) if saved else None
    if ready and scope != _scope():
        raise UsageError("a saved plan is applied as it is, without options of its own", hint="Plan again with them.")
    if ready is not None:
        check_environment(ready, SESSION.environment, saved)
    with open_project(ready.overrides if ready else given) as workspace:
        signed_by = check_saved(workspace, ready, text, saved) if ready and saved else None
        check_signed(workspace, signed_by)
        if _wait(workspace, lock_timeout, "apply") and ready:
            check_fresh(workspace, ready)  # others were at work meanwhile
        chosen = ready or make(workspace, scope)
        approval = f"saved plan, made by {ready.created_by}" if ready else "--yes" if yes else "typed"
        carry_out(workspace, chosen, approval=approval, json_=json_, command="apply", signed_by=signed_by)


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


def _content(file: Path) -> bytes:
    if not file.is_file():
        raise UsageError(f"{file} is neither a saved plan nor an override", hint="Make one: mvops plan --out FILE")
    return file.read_bytes()


def _does(saved: Plan, file: Path) -> str:
    """What becomes of it when it is applied."""
    from mvops.core.environment import wording

    typed = f"`{wording(saved.environment)['typed']} apply {file}`"
    return f"{typed} is refused while something is in conflict." if saved.conflicts() else f"{typed} does exactly this."


def _wait(workspace: Workspace, lock_timeout: str, command: str) -> bool:
    """Wait for the lock, as long as was asked for; was anything asked for."""
    from mvops.registry.lock import wait_until_free
    from mvops.usecases.clock import as_duration

    patience = as_duration(lock_timeout, "--lock-timeout").total_seconds()
    if patience and not workspace.registry.unwritten:
        wait_until_free(workspace.registry, command, patience)
    return patience > 0


def _print(made: Plan, *, markdown: bool, json_: bool, whole_diffs: bool) -> None:
    from mvops.show.plan import markdown_lines, plan_json

    if json_ and markdown:
        raise UsageError("--json and --markdown are two forms of the same plan", hint="Take one of them.")
    if json_:
        print_json(plan_json(made))
    elif markdown:
        answer_all(markdown_lines(made))
    else:
        show_plan(made, answer, whole_diffs=whole_diffs)


def add_to(app: typer.Typer) -> None:
    """The commands of this file."""
    for command in (plan, show, apply, destroy):
        app.command()(command)
