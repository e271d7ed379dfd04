"""Which part of a project a plan is about. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase

from pydantic import Field

from mvops.core.action import Action, Verb
from mvops.core.address import Address
from mvops.core.frozen import Frozen
from mvops.core.nearest import did_you_mean_address
from mvops.errors import UsageError

Needs = Mapping[Address, Collection[Address]]


class Scope(Frozen):
    """What was asked for on the command line; addresses may be patterns such as `endpoint.*`.

    `targets` and what they need is all that is looked at; what is in `exclude`, and what needs that, is left out;
    `replace` is made again although nothing differs. `drift_only` keeps of a plan what was changed outside; `offline`
    looks at nothing but the YAML, the project's files and the registry.
    """

    targets: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()
    drift_only: bool = False
    offline: bool = False

    def leaves(self, where: Address) -> bool:
        """Does it not name this one, or exclude it: something that goes is taken away where it is named itself."""
        return (bool(self.targets) and not _matches(where, self.targets)) or _matches(where, self.exclude)


class Selection(Frozen):
    """What a scope comes to.

    `chosen` is planned; `brought` of it is there because a target needs it; `left` maps what is not planned to what is
    excluded and needed by it; `replaced` is made again.
    """

    chosen: frozenset[Address]
    brought: tuple[Address, ...] = ()
    left: dict[Address, Address] = Field(default_factory=dict)
    replaced: frozenset[Address] = frozenset()


WHOLE = Scope()


def select(scope: Scope, everything: Iterable[Address], needs: Needs) -> Selection:
    """Choose among `everything`; `needs` says what must be done before each.

    Raises UsageError for an address that there is not, and for options that leave nothing, or are at odds.
    """
    if scope.replace and scope.drift_only:
        raise UsageError("--replace makes something again that has not changed, --drift-only leaves such out")
    known = frozenset(everything)
    targets = _named("--target", scope.targets, known) if scope.targets else known
    wanted = _reached(targets, needs, known)
    dependants = _turned(needs)
    excluded = _named("--exclude", scope.exclude, known)
    left: dict[Address, Address] = {}
    for where in sorted(excluded):
        for other in _reached({where}, dependants, known) - excluded:
            left.setdefault(other, where)
    chosen = wanted - excluded - left.keys()
    _check_left(scope, targets, chosen, left)
    return Selection(
        chosen=chosen,
        brought=tuple(sorted(chosen - targets)),
        left={where: left[where] for where in sorted(left.keys() & wanted)},
        replaced=_replaced(scope, known, chosen),
    )


def _replaced(scope: Scope, known: frozenset[Address], chosen: set[Address]) -> frozenset[Address]:
    """What is chosen of all that --replace names; raise UsageError for a name or a pattern of which nothing is."""
    found: set[Address] = set()
    for pattern in scope.replace:
        named = _named("--replace", [pattern], known)
        if not named & chosen:
            what = "it is" if pattern in named else f"{', '.join(sorted(named))}: all of it is"
            raise UsageError(f"--replace {pattern}: {what} left out by --target or --exclude")
        found |= named & chosen
    return frozenset(found)


def _check_left(
    scope: Scope, targets: frozenset[Address], chosen: set[Address], left: Mapping[Address, Address]
) -> None:
    """Raise UsageError where --exclude takes away all that was asked for."""
    if scope.targets and scope.exclude and not chosen & targets:
        because = "; ".join(f"{where} does not go without {left[where]}" for where in sorted(targets & left.keys()))
        raise UsageError("--exclude leaves out all that --target names" + (f": {because}" if because else ""))


def notices(scope: Scope, selection: Selection, everything: int, going: Collection[Address] = ()) -> Iterator[str]:
    """Sentences for people about what the plan leaves out; what is in `going` is no longer wanted."""
    needed = [where for where in selection.brought if where not in going]
    needing = [where for where in selection.brought if where in going]
    if needed:
        yield f"needed by the targets, so in this plan too: {', '.join(needed)}"
    if needing:
        yield f"needs what the targets take away, so it goes too: {', '.join(needing)}"
    for where, excluded in selection.left.items():
        if where in going:
            yield f"{where} stays too: {excluded} needs it"
        else:
            yield f"{where} is left out too: it needs {excluded}"
    if left_out := everything - len(selection.chosen) - len(selection.left):  # those have been named
        verb = "resource was" if left_out == 1 else "resources were"
        yield f"{left_out} more {verb} not selected: this plan is partial"
    if scope.offline:
        yield "nothing outside was looked at (--offline): what was changed there by hand is not seen"


def only_drift(actions: Iterable[Action]) -> tuple[tuple[Action, ...], int]:
    """The actions that mend what was changed outside, and how many others there are to do."""
    found = tuple(actions)
    drift = tuple(action for action in found if is_drift(action) or action.verb is Verb.KEEP)
    return drift, len(found) - len(drift)


def is_drift(action: Action) -> bool:
    """Does it mend what was changed or taken away outside, and nothing else."""
    gone = action.verb is Verb.CREATE and action.reason == "gone" and action.before == action.after
    return gone or action.verb is Verb.REPAIR


def _named(option: str, patterns: Iterable[str], known: frozenset[Address]) -> frozenset[Address]:
    found: set[Address] = set()
    for pattern in patterns:
        matching = {where for where in known if _matches(where, [pattern])}
        if not matching:
            raise UsageError(
                f"{option} {pattern}: there is no such resource{did_you_mean_address(pattern, known)}",
                hint=f"Resources: {', '.join(sorted(known)) or 'none'}",
            )
        found |= matching
    return frozenset(found)


def _matches(where: Address, patterns: Iterable[str]) -> bool:
    return any(where == pattern or fnmatchcase(where, pattern) for pattern in patterns)


def _reached(start: Iterable[Address], edges: Needs, known: frozenset[Address]) -> set[Address]:
    reached: set[Address] = set()
    waiting = list(start)
    while waiting:
        where = waiting.pop()
        if where in known and where not in reached:
            reached.add(where)
            waiting += edges.get(where, ())
    return reached


def _turned(needs: Needs) -> dict[Address, list[Address]]:
    turned: dict[Address, list[Address]] = {}
    for where, needed in needs.items():
        for other in needed:
            turned.setdefault(other, []).append(where)
    return turned
