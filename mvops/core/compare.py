"""The heart of the tool: what is wanted, what we did and what is there, in; actions out. Pure.

| wanted | recorded | really there | verb |
|---|---|---|---|
| yes | no | no | create |
| yes | any | no | create: gone from the world |
| yes | no | differs, or not fully visible | conflict |
| yes | none or other | agrees, and every changed field is visible | adopt |
| yes | same | agrees | keep |
| yes | same | differs | repair |
| yes | other | otherwise | update, or replace |
| no | yes | yes | delete |
| no | yes | no | forget |
| no | no | any | (silence) |
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mvops.core.action import Action, Change, Verb, differences
from mvops.core.address import Address
from mvops.core.spec import Spec, has_unknown
from mvops.core.state import Observed, Record

_MAY_BE_ASKED = frozenset({Verb.KEEP, Verb.ADOPT, Verb.UPDATE, Verb.REPAIR})


def verb(
    want: Mapping[str, Any] | None,
    did: Mapping[str, Any] | None,
    real: Mapping[str, Any] | None,
    replace_on: frozenset[str] = frozenset(),
) -> Verb | None:
    """The table above; None for silence. `real` holds only the fields that the world reports.

    A wanted value that is known only after apply neither agrees nor differs with what is really there.
    """
    if want is None:
        return None if did is None else Verb.FORGET if real is None else Verb.DELETE
    if real is None:
        return Verb.CREATE
    agrees = all(has_unknown(want.get(field)) or want.get(field) == value for field, value in real.items())
    if did == want:
        return Verb.KEEP if agrees else Verb.REPAIR
    changed = set(want) if did is None else {f for f in set(want) | set(did) if want.get(f) != did.get(f)}
    if agrees and changed <= set(real) and not has_unknown(dict(want)):
        return Verb.ADOPT
    if did is None:
        return Verb.CONFLICT
    return Verb.REPLACE if changed & replace_on else Verb.UPDATE


@dataclass(frozen=True)
class Held:
    """Why something may not be deleted: `in-use` by something that stays, or `protected`; `why` says it in words."""

    reason: Literal["in-use", "protected"]
    why: str


@dataclass(frozen=True)
class Asked:
    """What a person asked for, beyond the spec.

    `again` maps an address to the reason for which it is done again although nothing differs; what is in `anew` is
    made from nothing again. `held` maps an address to why it may not go: deleting it is a conflict. `unwanted` says why
    what is not desired goes.
    """

    again: Mapping[Address, str] = field(default_factory=dict)
    anew: Collection[Address] = ()
    held: Mapping[Address, Held] = field(default_factory=dict)
    unwanted: str = "no longer in the spec"


def compare(
    desired: Mapping[Address, Spec],
    recorded: Mapping[Address, Record],
    actual: Mapping[Address, Observed],
    asked: Asked | None = None,
) -> Iterator[Action]:
    """One action for each address that is wanted or recorded, sorted by address."""
    asked = asked or Asked()
    for where in sorted(desired.keys() | recorded.keys()):
        spec, record, seen = desired.get(where), recorded.get(where), actual.get(where)
        want = spec.fields() if spec else None
        did = record.spec if record else None
        real = seen.facts if seen else None
        chosen = verb(want, did, real, spec.replace_on if spec else frozenset())
        if chosen is None:
            continue
        reason, because, changes = _explain(chosen, want, did, real, asked.unwanted)
        if chosen in _MAY_BE_ASKED and (where in asked.anew or where in asked.again):
            chosen = Verb.REPLACE if where in asked.anew else Verb.UPDATE
            why = f"requested: {asked.again[where]}" if where in asked.again else "requested"
            reason, because = "requested", f"{why}; {because}" if changes else why
        if chosen is Verb.DELETE and where in asked.held:
            held = asked.held[where]
            chosen, reason, because = Verb.CONFLICT, held.reason, f"{asked.unwanted}, but {held.why}"
        yield Action(
            verb=chosen,
            address=where,
            reason=reason,
            because=because,
            changes=changes,
            before=did,
            after=want,
            needs=spec.needs if spec else (),
        )


def _explain(  # noqa: PLR0911 -- one return for each row of the table
    chosen: Verb,
    want: Mapping[str, Any] | None,
    did: Mapping[str, Any] | None,
    real: Mapping[str, Any] | None,
    unwanted: str,
) -> tuple[str, str, tuple[Change, ...]]:
    changes = differences(did or {}, want or {})
    fields = _names(changes)
    match chosen:
        case Verb.CREATE:
            return ("new", "new", ()) if did is None else ("gone", "gone from the world", changes)
        case Verb.CONFLICT:
            return "not-ours", "exists and is not ours", differences(dict(real or {}), _visible(want, real))
        case Verb.ADOPT:
            return "already-so", "already so" if did is None else f"{fields} changed", changes
        case Verb.KEEP:
            return "unchanged", "unchanged", ()
        case Verb.REPAIR:
            drift = differences(_visible(want, real), dict(real or {}))
            told = "; ".join("{} is {}, should be {}".format(c.field, *_apart(c.after, c.before)) for c in drift[:3])
            return "drift", f"changed outside mvops: {told}", drift
        case Verb.UPDATE | Verb.REPLACE:
            return "changed", f"{fields} changed", changes
        case Verb.DELETE:
            return "not-wanted", unwanted, ()
        case Verb.FORGET:
            return "already-gone", "already gone", ()
        case Verb.MOVE:  # not chosen here: a rename is declared, no difference between what is wanted and there
            return "moved", "moved", ()


def _visible(want: Mapping[str, Any] | None, real: Mapping[str, Any] | None) -> dict[str, Any]:
    return {field: (want or {}).get(field) for field in (real or {})}


def _names(changes: tuple[Change, ...]) -> str:
    names = [change.field for change in changes]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _apart(one: Any, other: Any) -> tuple[str, str]:
    """Both in short; where only their types differ, as Python writes them."""
    if str(one) == str(other):
        return _short(repr(one)), _short(repr(other))
    return _short(one), _short(other)


def _short(value: Any) -> str:
    text = "absent" if value is None else str(value) or '""'
    return text if len(text) <= 24 else f"{text[:12]}…"
