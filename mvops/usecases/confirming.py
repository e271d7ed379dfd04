"""What has to be typed before something that serves is taken away."""

from __future__ import annotations

from mvops.core.action import Action, Verb
from mvops.core.address import kind_of, name_of
from mvops.core.plan import Plan
from mvops.registry.versions import serving
from mvops.workspace import Workspace

_SERVES = frozenset({"model", "endpoint"})


def word_to_type(workspace: Workspace, plan: Plan) -> str | None:
    """The project's name where the plan takes a live version away and the YAML wants more than a yes; else None."""
    if not workspace.project.confirms_by_name:
        return None
    live = serving(workspace.registry)
    gone = any(_goes(action) and name_of(action.address) in live for action in plan.actions)
    return workspace.project.project if gone else None


def _goes(action: Action) -> bool:
    return action.verb is Verb.DELETE and kind_of(action.address) in _SERVES
