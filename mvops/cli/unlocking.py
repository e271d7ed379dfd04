"""The project's lock, taken from whoever left it behind: unlock."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from mvops.cli.session import confirm, say
from mvops.cli.session import project as open_project
from mvops.errors import LockedError

if TYPE_CHECKING:
    from mvops.registry.lock import LockInfo


def unlock(
    lock_id: Annotated[str, typer.Argument(metavar="ID", help="As the refused command names it.")],
    force: Annotated[bool, typer.Option("--force", help="Even from a process that is alive.")] = False,
) -> None:
    """Release the project's lock when its holder is known to be dead; asks where it is alive on this machine."""
    from mvops.core.environment import wording
    from mvops.registry.lock import break_lock, current_lock

    with open_project() as workspace:
        held = current_lock(workspace.registry)
        if held is not None and held.token == lock_id and held.alive:
            _ask(held, force=force, typed=wording(workspace.project.environment)["typed"])
        was = break_lock(workspace.registry, lock_id)
    say(f"Released the lock of {was.command!r} (process {was.pid} on {was.host}).")


def _ask(held: LockInfo, *, force: bool, typed: str) -> None:
    """Go on only with a yes or by `force`; raise LockedError where nobody can answer."""
    said = f"process {held.pid} is alive ({held.command}, since {held.since:%Y-%m-%d %H:%M:%S} UTC)"
    if not force and not sys.stdin.isatty():
        raise LockedError(
            f"{said}, and would lose the lock in the middle of its work",
            hint="Wait for it, or end it: the next command takes the lock over then. To take it all the same: "
            f"{typed} unlock {held.token} --force",
        )
    confirm(f"{said}, and loses the lock in the middle of its work. Take it?", yes=force)


def add_to(app: typer.Typer) -> None:
    """The commands of this file."""
    app.command()(unlock)
