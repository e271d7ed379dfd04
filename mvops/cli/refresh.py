"""What was changed outside of mvops: shown, accepted, reverted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mvops.cli.carrying_out import carry_out
from mvops.cli.session import JsonFlag, YesFlag, answer, confirm, print_json, say
from mvops.cli.session import project as open_project
from mvops.errors import UsageError

if TYPE_CHECKING:
    from mvops.workspace import Workspace


def refresh(
    addresses: Annotated[
        list[str] | None, typer.Argument(metavar="[ADDRESS]...", help="Only these resources, such as schedule.churn.")
    ] = None,
    accept: Annotated[bool, typer.Option("--accept", help="Write it into the YAML: it is wanted so.")] = False,
    revert: Annotated[bool, typer.Option("--revert", help="Make it again as the YAML says.")] = False,
    yes: YesFlag = False,
    json_: JsonFlag = False,
) -> None:
    """Show what was changed outside; accept it into the YAML, or revert it."""
    from mvops.show.refresh import outside_json, outside_lines
    from mvops.usecases.refresh import outside, plan_of, take_over

    if accept and revert:
        raise UsageError("--accept and --revert are two ways: choose one")
    with open_project() as workspace:
        if revert:
            approval = "--yes" if yes else "typed"
            times = _put_back_times(workspace, addresses or (), approval, json_=json_)
            made = plan_of(workspace, addresses or (), drift_only=True)
            also = {"times": times}
            carry_out(workspace, made, approval=approval, json_=json_, command="refresh --revert", also=also)
            return
        found = outside(workspace, addresses or ())
        if not json_:
            for line in outside_lines(found):
                answer(line)
        if accept and (found or addresses):
            if any(each.accepted for each in found):
                confirm("Write what can be accepted into the YAML?", yes=yes)
            written = take_over(workspace, found)
        else:
            written = []
    if json_:
        print_json(outside_json(found) | {"written": [vars(each) for each in written]})
        return
    for each in written:
        key = ".".join(map(str, each.path))
        before = "" if each.before is None else f" {each.before} ->"
        say(f"{each.file}:{each.line}: {key}{before} {'taken out' if each.after is None else each.after}")
    if written:
        say("See what it comes to: mvops plan")


def _put_back_times(
    workspace: Workspace, addresses: Sequence[str], approval: str, *, json_: bool
) -> list[dict[str, Any]]:
    """Undo the edits of times in generated files, and return where; what else is to be reverted, a plan says."""
    from mvops.usecases.refresh import edited_times, put_back

    found = edited_times(workspace, addresses)
    if not found:
        return []
    if not json_:
        for each in found:
            say(f"  ~ {each.path}: {', '.join(each.jobs)} as generated again; other edits stay")
    confirm("Put the edited times back?", yes=approval != "typed")
    put_back(workspace, found, addresses, approval)
    return [{"address": each.address, "path": each.path, "jobs": list(each.jobs)} for each in found]


def add_to(app: typer.Typer) -> None:
    """The command of this file."""
    app.command()(refresh)
