"""Does a plan keep to the team's own rules? Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Literal

from mvops.core.action import Action, Verb
from mvops.core.config.policy import Ban, Policy, Requirement, parse_ban, parse_requirement
from mvops.core.diffs import masked
from mvops.core.durations import parse_duration
from mvops.core.frozen import Frozen
from mvops.core.nearest import did_you_mean

_ABSENT = object()


class Objection(Frozen):
    """What a policy has against a plan; `subject` is a place in the YAML or an address, `sentence` is for people."""

    policy: str
    level: Literal["fail", "warn"]
    subject: str
    sentence: str


def objections(
    policies: Mapping[str, Policy], spec: Mapping[str, Any] | None, actions: Iterable[Action]
) -> Iterator[Objection]:
    """By name of the policy, then in the order in which it is written.

    `spec` is the whole YAML as JSON values, None where nothing is wanted of it.
    """
    pending = [action for action in actions if action.verb not in {Verb.KEEP, Verb.CONFLICT}]
    for name, policy in sorted(policies.items()):
        found = [
            *(said for text in policy.require if spec is not None for said in _missed(parse_requirement(text), spec)),
            *(said for text in policy.forbid for said in _broken(parse_ban(text), pending)),
        ]
        because = f" ({policy.because})" if policy.because else ""
        for subject, sentence in found:
            yield Objection(policy=name, level=policy.level, subject=subject, sentence=masked(f"{sentence}{because}"))


def _missed(wanted: Requirement, spec: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for place, value in _places(wanted.path, spec):
        if isinstance(value, _Nearest):
            yield place, f"{place} is not there, and required is {wanted.text}{value.meant}"
        elif not _holds(value, wanted):
            yield place, f"{place} is {_written(value)}; required is {wanted.text}"


class _Nearest:
    """Stands where a path leads to nothing."""

    def __init__(self, key: str, known: Iterable[str]) -> None:
        self.meant = did_you_mean(key, known)


def _places(path: tuple[str, ...], value: Any, so_far: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every place that the path names, with what stands there."""
    if not path:
        yield ".".join(so_far), value
    elif not isinstance(value, Mapping):
        yield ".".join((*so_far, *path)), _Nearest(path[0], ())
    elif "*" in path[0]:
        for key in sorted(key for key in value if fnmatchcase(key, path[0])):
            yield from _places(path[1:], value[key], (*so_far, key))
    else:
        there = value.get(path[0], _ABSENT)
        if there is _ABSENT:
            yield ".".join((*so_far, *path)), _Nearest(path[0], value)
        else:
            yield from _places(path[1:], there, (*so_far, path[0]))


def _holds(value: Any, wanted: Requirement) -> bool:
    match wanted.operator:
        case "==":
            return bool(value == wanted.value)
        case "!=":
            return bool(value != wanted.value)
        case "in":
            return value in wanted.value
        case "contains":
            return isinstance(value, (list, Mapping, str)) and wanted.value in value
    pair = _comparable(value, wanted.value)
    if pair is None:
        return False
    left, right = pair
    return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[wanted.operator]


def _comparable(left: Any, right: Any) -> tuple[float, float] | None:
    """Two numbers, or two durations in seconds; None for anything else."""
    if all(isinstance(each, (int, float)) and not isinstance(each, bool) for each in (left, right)):
        return float(left), float(right)
    try:
        return parse_duration(left).total_seconds(), parse_duration(right).total_seconds()
    except ValueError:
        return None


def _broken(ban: Ban, pending: Iterable[Action]) -> Iterator[tuple[str, str]]:
    for action in pending:
        if ban.verb in {"change", action.verb.value} and fnmatchcase(action.address, ban.pattern):
            yield action.address, f"{action.address}: {action.verb}; forbidden is {ban.text}"


def _written(value: Any) -> str:
    return "not set" if value is None else repr(value)
