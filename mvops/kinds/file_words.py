"""Sentences and diffs about generated files, and about why they change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mvops.core.action import Action, Verb
from mvops.core.diffs import conflict_diff, counted, file_diff, line_spans
from mvops.core.file_change import FileChange, FileVerb
from mvops.core.merge import split_lines
from mvops.core.regeneration import Found, Outcome, beside, regenerate, sha256

_EDITED = "was edited by hand"
_STAYS = f"{_EDITED} and stays"
_NAMED = 3


def described(path: str, new: bytes, found: Found) -> FileChange | None:
    """What becomes of a file whose text is `new`; None for one that is so already."""
    outcome = regenerate(path, new, found)
    if outcome.what == "same":
        return None
    there = found.there or b""
    diff = None
    if outcome.what == "conflict":
        diff = conflict_diff(path, there, new, outcome.changed)
    elif outcome.what in {"replace", "merge"}:
        diff = file_diff(path, there, outcome.content)
    over = found.waiting and not outcome.waiting
    return FileChange(
        path=path,
        verb=outcome.what,
        because=_because(path, outcome, found, diff or "") + (_over(path, outcome) if over else ""),
        lines=len(split_lines(outcome.content)),
        diff=diff,
        found=None if found.there is None else sha256(found.there),
        result=None if outcome.blocked else sha256(outcome.content),
        waiting=found.waiting,
        over=over,
    )


def _over(path: str, outcome: Outcome) -> str:
    other = beside(path)
    stays = f"{other}, which you changed, stays and is yours"
    return f"; the conflict is over: {f'{other} goes' if outcome.beside is None else stays}"


def left(path: str, *, waiting: bool = False) -> str:
    """Of a file that was edited by hand."""
    if waiting:
        other = beside(path)
        return f"{_STAYS}; {other} has what mvops would write: take over what you want, then delete it"
    return _STAYS


def moved(change: FileChange, origin: str) -> FileChange:
    """The change of a file that comes from where it was edited by hand, before the model was renamed."""
    because = f"comes from {origin}, edited by hand, and {change.because.removeprefix(f'{_EDITED} and ')}"
    verb: FileVerb = "conflict" if change.verb == "conflict" else "merge"
    return change.model_copy(update={"verb": verb, "because": because, "origin": origin})


def later(path: str, *, edited: bool, known: bool) -> str:
    """Of a file whose text waits for an earlier action; `known` says that the one before is on record."""
    if edited and not known:  # it came with a checkout, or is somebody's own: nobody can tell yet
        return f"is there and stays; its text is known later, and goes to {beside(path)} if it is another"
    return f"{_EDITED}; what is new is merged into it once it is known" if edited else "is made once it is known"


def template_reasons(
    action: Action, changes: Sequence[FileChange], used: Mapping[str, str], before: Mapping[str, str]
) -> dict[str, Any]:
    """Reason and sentence of the action, where its files have a part in them."""
    blocked = [change for change in changes if change.verb == "conflict" and change.result is None]
    if blocked:
        because = "; ".join(f"{change.path} {change.because}" for change in blocked)
        return {"verb": Verb.CONFLICT, "reason": "in-the-way", "because": because}
    if action.before is None or action.reason not in {"changed", "already-so"}:
        return {}
    others = [c.field for c in action.changes if c.field.partition(".")[0] != "files"]
    if len(others) == len(action.changes):
        return {}
    compared = before.keys() & used.keys() if others else before.keys() | used.keys() if before else ()
    names = sorted(name for name in compared if before.get(name) != used.get(name))
    template = f"template changed: {_some(names)}" if names else ""
    if others:
        return {"because": f"{_some(others)} changed" + (f"; {template}" if template else "")}
    because = template or "this mvops generates it otherwise"
    return {"because": because} if action.verb is Verb.ADOPT else {"reason": "template-changed", "because": because}


def _because(path: str, outcome: Outcome, found: Found, diff: str) -> str:
    match outcome.what:
        case "create":
            return f"is made, {len(split_lines(outcome.content))} lines"
        case "replace":
            return f"is made anew, {counted(diff)}"
        case "merge" if found.merged:
            return "is merged already, by an apply that was stopped before it could record it"
        case "merge":
            return f"is merged, {counted(diff)}: {'; '.join(_kept(outcome))}"
        case "conflict":
            return _conflict(path, outcome, found)
    return left(path, waiting=outcome.waiting)


def _kept(outcome: Outcome) -> Iterator[str]:
    theirs = [region for region in outcome.changed if region.who == "theirs"]
    edits = line_spans(region.theirs for region in theirs)
    if edits:
        yield f"your edits of {edits} stay"
    out = sum(len(region.base) for region in theirs if not region.theirs)
    if out:
        yield f"the {'line' if out == 1 else f'{out} lines'} that you took out {'stays' if out == 1 else 'stay'} out"


def _conflict(path: str, outcome: Outcome, found: Found) -> str:
    other = beside(path)
    if outcome.blocked:
        return f"is in conflict, and {other} holds something of yours: take it over or away, then plan again"
    goes = f"the file stays, and the new text goes to {other}"
    both = [region.theirs for region in outcome.changed if region.who == "conflict"]
    if both:
        where = line_spans(both) or "lines"
        return f"is in conflict: your edits of {where} and the new text change the same lines; {goes}"
    if outcome.changed:
        return f"is in conflict: your edits and the new text do not make a readable file together; {goes}"
    if found.recorded is None:
        return f"is not ours: {goes}"
    return f"was edited by hand and cannot be merged, as what it was made from is not known or it is no text: {goes}"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
