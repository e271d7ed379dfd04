"""Looking again after an apply: is what was done really so."""

from __future__ import annotations

from collections.abc import Iterable

from mvops.core.action import Action, Verb
from mvops.core.apply import Done
from mvops.core.scope import Scope
from mvops.usecases.plan import plan
from mvops.workspace import Workspace


def not_as_planned(workspace: Workspace, finished: Iterable[Done]) -> tuple[Action, ...]:
    """What there is still to do of that which was done; nothing, unless somebody changed it meanwhile.

    Raises what a plan raises.
    """
    gone = {Verb.DELETE, Verb.FORGET, Verb.MOVE}
    done = {each.action.address for each in finished if each.status == "done" and each.action.verb not in gone}
    if not done:
        return ()
    again = plan(workspace, Scope(targets=tuple(sorted(done))))
    return tuple(action for action in again.pending() if action.address in done)
