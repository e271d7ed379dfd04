"""What people can do about a conflict: said in the plan, and by an apply that is refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mvops.core.action import Action, Verb
from mvops.core.address import kind_of

SAY_THEMSELVES = frozenset({"in-use", "port"})  # reasons of which the action's details say what to do
_OUT_OF_THE_WAY = "Move it out of the way, then plan again. To leave it as it is: {}."
_UNWANTED = {"endpoint": "endpoint: null in the model's YAML"}
_WAYS_OUT = {
    "in-the-way": "Take over what you want of it, move it away, then plan again: mvops plan",
    "protected": "To keep it, leave it out. To let it go: prevent_destroy: false in its YAML, and first: mvops apply",
    "answered": "Stop it where it was started (Ctrl-C), or put back the registry that knows of it. Then: mvops apply",
}


def ways_out(action: Action) -> Iterator[str]:
    """Lines for people, beside what the action's details say."""
    if action.verb is Verb.CONFLICT:
        if action.reason not in SAY_THEMSELVES:
            unwanted = _UNWANTED.get(kind_of(action.address), f"take {action.address} out of the YAML")
            yield _WAYS_OUT.get(action.reason, _OUT_OF_THE_WAY.format(unwanted))
        yield meanwhile([action])
    elif any(change.verb == "conflict" for change in action.files):
        yield "of a file in conflict, take over what you want from the new text beside it, then delete that; or move it"
        yield f"    over the file. Not now: --exclude {action.address}. Back: undo the change in the YAML"


def meanwhile(conflicts: Iterable[Action]) -> str:
    """How all else is applied."""
    left_out = " ".join(f"--exclude {action.address}" for action in conflicts)
    return f"The rest meanwhile: plan, apply and destroy take {left_out}"
