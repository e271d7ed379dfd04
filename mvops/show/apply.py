"""What became of a plan, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from mvops.core.action import Action
from mvops.core.apply import Done
from mvops.core.config.gate import uncompared
from mvops.core.plan import Plan
from mvops.usecases.afterwards import Refusal

_MARKS = {"done": "ok", "failed": "FAILED", "skipped": "skipped"}


def applied_line(done: Done) -> str:
    """One action: its address, what became of it, and what it left."""
    line = f"  {_MARKS[done.status]:<7} {done.action.verb} {done.action.address}"
    back = done.action.back
    if done.status == "done" and back is not None and back.champion is not None:
        line += f": version {back.champion} has all traffic"
    elif done.status == "done" and "version" in done.left:
        line += f": version {done.left['version']}, gate {done.left.get('gate', '?')}"
        line += f", {done.left['traffic']}" if "traffic" in done.left else ""
    if done.status == "done" and "revision" in done.left:
        line += f": {done.left['backend']} {done.left['revision']}"
        line += f"; commit to Git: {done.left['to_commit']}" if done.left["to_commit"] else ""
    if done.left.get("endpoint") == "running":
        line += "; its endpoint goes on with what it has loaded: stop it where it was started"
    if done.status == "skipped":
        line += ": it needs one that failed"
    return line


def contested(finished: Sequence[Done]) -> list[str]:
    """The files that people edited, and that stay as they are though their text is another one now."""
    changes = (change for done in finished if done.status == "done" for change in done.action.files)
    return [change.path for change in changes if change.verb == "conflict"]


def contested_line(path: str) -> str:
    """Of one of them: what there is to do."""
    return f"{path} stays as it is: take over what you want from {path}.new, then delete it"


def applied_total(finished: Sequence[Done], otherwise: Sequence[Action]) -> Iterator[str]:
    """How many were done, failed and skipped; what is left to do; whether it is so, looked at again."""
    counted = {status: sum(done.status == status for done in finished) for status in _MARKS}
    rest = [f"{counted[status]} {status}" for status in ("failed", "skipped") if counted[status]]
    total = f"Applied: {', '.join([str(counted['done']) + ' done', *rest])}."
    if rest:
        yield total
        left = [done.action.address for done in finished if done.status != "done"]
        yield f"What is done stays done. Left: {', '.join(left)}. Once that is mended: mvops apply"
    elif otherwise:
        yield f"{total} Looked at again, this is not as planned: {', '.join(action.address for action in otherwise)}"
    else:
        yield f"{total} Looked at again, all of it is as planned."


def refused_lines(refusal: Refusal, typed: str) -> Iterator[str]:
    """A version that its gate did not let pass: each condition with its numbers, and the ways on."""
    serves = f"version {refusal.champion} serves on" if refusal.champion else "nothing serves"
    if refusal.lost:
        serves = f"version {refusal.champion}, the champion, is lost from the artefact store: no endpoint can load it"
    yield f"{refusal.model}: the gate refused version {refusal.version}; {serves}"
    yield from (f"  gate: {check}" for check in refusal.checks)
    yield from ways_on(refusal, typed)


def ways_on(refusal: Refusal, typed: str) -> Iterator[str]:
    """What can be done about a version that the gate refused."""
    model, number = refusal.model, refusal.version
    if refusal.champion:
        yield f"  What differs: {typed} versions compare {model} {refusal.champion} {number}"
    another = f"models.{model}.gate"
    if refusal.missing and refusal.champion:
        yield f"  {uncompared(refusal.champion, refusal.missing)}"
        another = refusal.instead
    else:
        yield f"  Make a better one, then: {typed} apply"
    yield f"  Another gate ({another}): {typed} apply, then: {typed} retrain {model} --force"
    if not refusal.governed:
        yield f"  Past the gate, on record as such: {typed} versions promote {model} {number} --reason WHY"


def applied_json(
    plan: Plan, finished: Sequence[Done], otherwise: Sequence[Action], refusals: Sequence[Refusal] = ()
) -> dict[str, Any]:
    """The plan's id, each action with its outputs or error, what the gate refused, and what is not as planned."""
    return {
        "plan": plan.id,
        "not_as_planned": [{"address": action.address, "because": action.because} for action in otherwise],
        "refused": [asdict(refusal) for refusal in refusals],
        "conflicts": contested(finished),
        "actions": [
            {
                "address": done.action.address,
                "verb": done.action.verb.value,
                "status": done.status,
                "outputs": done.outputs,
                "error": str(done.error) if done.error else None,
            }
            for done in finished
        ],
    }
