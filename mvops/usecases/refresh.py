"""What was changed outside of mvops: shown, and accepted into the YAML."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from mvops.atomic import write_atomically
from mvops.core.action import Action, Verb
from mvops.core.address import Address, kind_of, name_of
from mvops.core.outside import Accepted, Outside, differs
from mvops.core.plan import Plan
from mvops.core.scope import Scope
from mvops.errors import ConflictError, UsageError
from mvops.kinds.kind import Accepting, Look, kinds
from mvops.kinds.schedule import ScheduleKind, with_generated_times
from mvops.loading.accepting import Written, accept
from mvops.registry.events import record_event
from mvops.registry.lock import hold_lock
from mvops.usecases.plan import plan
from mvops.usecases.project import look_at
from mvops.usecases.signatures import check_signed
from mvops.workspace import Workspace

_COMMAND = "refresh --revert"
_YOURS = "the file is yours, and stays as it is"
_AGAIN = "make it again: mvops refresh --revert"
_OR_NOT = f"{_AGAIN}; or take it out of the YAML"
_OR_EMPTY = f"{_AGAIN}; or put a file of your own there, if only an empty one: it stays"


def outside(workspace: Workspace, addresses: Sequence[str] = ()) -> list[Outside]:
    """Everything that was changed outside, of these resources or of all; and whether the YAML can say it.

    Reads only. Raises UsageError for an address that there is not, and what a plan raises.
    """
    made = plan_of(workspace, addresses)
    look = look_at(workspace)
    chosen = [action for action in made.actions if not addresses or _named(action, addresses)]
    return [found for action in chosen for found in _of(action, look)]


def plan_of(workspace: Workspace, addresses: Sequence[str], *, drift_only: bool = False) -> Plan:
    """The plan about these resources, or about all. Raises UsageError for an address that there is not."""
    try:
        return plan(workspace, Scope(targets=tuple(addresses), drift_only=drift_only))
    except UsageError as error:
        error.message = error.message.removeprefix("--target ")  # here, addresses are arguments
        raise


def take_over(workspace: Workspace, found: Sequence[Outside]) -> list[Written]:
    """Write what can be accepted into the YAML. Raises ConflictError where nothing can, SpecError as `accept`."""
    wanted: dict[tuple[str | int, ...], Accepted] = {}
    for each in found:
        if each.accepted is not None:
            other = wanted.setdefault(each.accepted.path, each.accepted)
            if other != each.accepted:
                where = ".".join(map(str, other.path))
                raise ConflictError(f"{where} was changed to {other.value} and to {each.accepted.value}")
    if not wanted:
        first = next(iter(found), None)
        said = f": {first.address}: {first.what}" if first else ""
        hint = first.why_not if first else "See what was changed: mvops refresh"
        raise ConflictError(f"there is nothing that the YAML could say{said}", hint=hint)
    return accept(workspace.root, list(wanted.values()), workspace.project.environment)


@dataclass(frozen=True)
class PutBack:
    """A schedule's generated file without the times that somebody edited into it; `jobs` are those that they are of."""

    address: str
    path: str
    text: str
    jobs: tuple[str, ...]


def edited_times(workspace: Workspace, addresses: Sequence[str] = ()) -> list[PutBack]:
    """The files of schedules with edited times, as they are without. Reads only; raises as `outside`."""
    made = plan_of(workspace, addresses)
    look = look_at(workspace)
    chosen = [action for action in made.actions if not addresses or _named(action, addresses)]
    schedules = [action for action in chosen if kind_of(action.address) == ScheduleKind.name]
    return [
        PutBack(str(action.address), path, text, tuple(jobs))
        for action in schedules
        for path, text, jobs in with_generated_times(action, look)
    ]


def put_back(workspace: Workspace, found: Sequence[PutBack], addresses: Sequence[str], approval: str) -> None:
    """Write the times that were generated, and who said yes on record, of what is `found` for these `addresses`.

    Raises ConflictError where only signed plans are applied, and for files that were edited again meanwhile,
    LockedError while somebody else applies.
    """
    check_signed(workspace, None)
    with hold_lock(workspace.registry, _COMMAND):
        if edited_times(workspace, addresses) != list(found):
            raise ConflictError("the files were edited again meanwhile", hint="Look at them again: mvops refresh")
        for each in found:
            write_atomically(workspace.root / each.path, each.text.encode(errors="surrogateescape"))
            message = f"{_COMMAND}: {', '.join(each.jobs)} in {each.path} as generated again"
            said = {"command": _COMMAND, "approval": approval, "path": each.path, "jobs": list(each.jobs)}
            record_event(workspace.registry, "refresh", name_of(Address(each.address)), message, said)


def _named(action: Action, addresses: Sequence[str]) -> bool:
    return any(fnmatchcase(action.address, pattern) for pattern in addresses)


def _of(action: Action, look: Look) -> Iterator[Outside]:
    kind = kinds()[kind_of(action.address)]
    known = list(kind.accepted(action, look)) if isinstance(kind, Accepting) else []
    yield from known
    told = {each.what for each in known}
    if action.reason == "gone":
        yield Outside(address=action.address, what="is gone", why_not=_OR_NOT)
    elif action.verb is Verb.REPAIR:
        for change in action.changes:
            if differs(change) not in told:
                yield _not_said(action, change.field, differs(change), gone=change.after in {"absent", None})
    if not known:
        for file in action.files:
            if file.verb in {"leave", "merge", "conflict"}:
                yield Outside(
                    address=action.address, what=f"{file.path} was edited by hand", why_not=_YOURS, whose="yours"
                )


def _not_said(action: Action, field: str, what: str, *, gone: bool) -> Outside:
    path = field.removeprefix("files.")
    if path != field:
        what = f"{path} is {'gone' if gone else 'another one'}"
        return Outside(address=action.address, what=what, why_not=_OR_EMPTY if gone else _AGAIN)
    return Outside(address=action.address, what=what, why_not="no key of the YAML says this: mvops refresh --revert")
