"""A plan shown, asked about, done, and what became of it: what apply, destroy, refresh and rollback end with."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import typer

from mvops.cli.interrupts import gently
from mvops.cli.session import answer_all, confirm, present, print_error, print_json, say, waiting
from mvops.errors import ConflictError, MvopsError

if TYPE_CHECKING:
    from mvops.core.apply import Done
    from mvops.core.plan import Plan
    from mvops.workspace import Workspace


def show_plan(made: Plan, tell: Callable[..., None], *, whole_diffs: bool = False) -> None:
    """Its lines, for people."""
    from mvops.show.plan import plan_lines

    present(made, plan_lines(made, whole_diffs=whole_diffs), tell)


def carry_out(
    workspace: Workspace,
    chosen: Plan,
    *,
    approval: str,
    json_: bool,
    command: str,
    signed_by: str | None = None,
    before: Callable[[], Workspace] | None = None,
    also: Mapping[str, Any] | None = None,
) -> None:
    """Show the plan, ask, do it, and say what became of it; `before` is done first, once somebody said yes.

    `also` is what was done already, for `--json`.
    """
    from mvops.core.apply import check_allowed
    from mvops.core.environment import wording
    from mvops.show.apply import applied_json, applied_total, contested, contested_line, refused_lines
    from mvops.usecases.afterwards import not_as_planned, refusals
    from mvops.usecases.confirming import word_to_type
    from mvops.usecases.schedule import left_to_do
    from mvops.usecases.signatures import check_signed

    check_signed(workspace, signed_by)
    if not json_:
        show_plan(chosen, say)
    check_allowed(chosen)
    if chosen.pending() or before:
        confirm("Do it?", yes=approval != "typed", word=word_to_type(workspace, chosen))
    workspace = before() if before else workspace
    how = {"command": command, "approval": approval, "signed_by": signed_by}
    finished = list(_act(workspace, chosen, how, tell=not json_))
    errors = [_named(done.error, done.action.address) for done in finished if done.error is not None]
    otherwise = () if errors else not_as_planned(workspace, finished)
    refused = refusals(workspace, finished)
    if json_:
        print_json(applied_json(chosen, finished, otherwise, refused) | dict(also or {}))
    elif finished:
        for line in applied_total(finished, otherwise):
            say(line, "bold")
        typed = wording(workspace.project.environment)["typed"]
        asked = (line for each in refused for line in refused_lines(each, typed))
        answer_all(map(contested_line, contested(finished)))  # also quietly: it waits for somebody
        answer_all(asked)  # the same: it is why the exit code is not 0
        for line in left_to_do(workspace, finished):
            say(line)
    if errors:
        raise _after_the_others(errors)
    if otherwise:
        raise ConflictError(f"{otherwise[0].address} is not as planned: {otherwise[0].because}", hint="Why: mvops plan")
    if refused:
        raise typer.Exit(4)


def _act(workspace: Workspace, chosen: Plan, how: dict[str, Any], *, tell: bool) -> Iterator[Done]:
    from mvops.show.apply import applied_line
    from mvops.usecases.apply import apply as act

    with waiting() as progress, gently(_last_step) as stop:
        for done in act(workspace, chosen, tell=progress, stop=stop, **how):
            if tell:
                say(applied_line(done))
            yield done


def _last_step() -> None:
    sys.stderr.write("stopping after this step; Ctrl-C again stops at once\n")


def _after_the_others(errors: list[MvopsError]) -> MvopsError:
    """The last of them, to be raised; the others are printed."""
    for error in errors[:-1]:
        print_error(error)
    return errors[-1]


def _named(error: MvopsError, address: str) -> MvopsError:
    """The error that says of which resource it is."""
    if address not in error.message:
        error.message = f"{address}: {error.message}"
    return error
