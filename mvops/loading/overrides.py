"""Overrides from the command line, in Hydra's grammar: `a.b=1`, `+a.c=2`, `++a.c=3`, `~a.b`, `preset=small/day_60`."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override as HydraOverride
from hydra.errors import HydraException

from mvops.core.nearest import did_you_mean
from mvops.errors import SpecError
from mvops.loading.guards import is_reserved
from mvops.loading.interpolation import refused
from mvops.loading.problems import KeyPath, Place, Problem, show_path, spec_error

_LONGEST = 4096
_MOST_BRACKETS = 64  # Hydra's parser is recursive and slow
_HELP = "Write key=value, +key=value (new), ~key (remove) or group=option, such as models.x.monitor.every=1h"


@dataclass(frozen=True)
class Override:
    """One override that sets or removes the value at `path`; `add` means that it must not be there yet."""

    text: str
    path: KeyPath
    value: Any
    add: bool = False
    force: bool = False
    delete: bool = False

    @property
    def place(self) -> Place:
        """For messages."""
        return Place(None, 1, 1, self.text)


@dataclass(frozen=True)
class Overrides:
    """`choices` choose options of groups, such as a preset, and are Hydra's; `values` are applied here, in order."""

    choices: tuple[str, ...]
    values: tuple[Override, ...]


def parse_overrides(texts: Sequence[str], groups: Iterable[str]) -> Overrides:
    """Read and check them all; raise one SpecError with every one that is wrong."""
    known = frozenset(groups)
    problems: list[Problem] = []
    choices: list[str] = []
    values: list[Override] = []
    for text in texts:
        try:
            parsed = _parse(text)
        except _BadOverrideError as error:
            problems.append(Problem(Place(None, 1, 1, text[:200]), str(error), error.remedy))
            continue
        if _is_choice(parsed, known):
            choices.append(text)
        else:
            values.append(_override(parsed, text))
    if problems:
        raise spec_error(problems)
    return Overrides(tuple(choices), tuple(values))


class _BadOverrideError(ValueError):
    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


def _parse(text: str) -> HydraOverride:
    if len(text) > _LONGEST or not text.isprintable():
        raise _BadOverrideError("too long" if len(text) > _LONGEST else "holds a character that cannot be printed")
    if sum(text.count(opening) for opening in "[{(") > _MOST_BRACKETS:
        raise _BadOverrideError(f"more than {_MOST_BRACKETS} brackets")
    reason = refused(text)
    if reason:
        raise _BadOverrideError(reason)
    try:
        parsed = OverridesParser.create().parse_override(text)
    except (HydraException, RecursionError, ValueError, AttributeError):
        raise _BadOverrideError("this is not an override", _HELP) from None
    if not all(parsed.key_or_group.split(".")):
        raise _BadOverrideError("this is not an override", _HELP)
    value = parsed.value()
    parts = [part for piece in (parsed.key_or_group, parsed.package or "") for part in piece.split(".")]
    if parts[0].split("/")[0] == "hydra" or (parsed.package or "").split(".")[0].split(":")[0] == "hydra":
        raise _BadOverrideError("Hydra's own settings cannot be changed from a spec")
    if parts[0].split("/")[0] in {"env", "environment"}:
        raise _BadOverrideError("an environment is chosen with --env NAME, or MVOPS_ENV")
    if any(is_reserved(part) for part in parts[: parsed.key_or_group.count(".") + 1]) or _holds_reserved(value):
        raise _BadOverrideError("this key is reserved: a spec never names code to run")
    _check_value(value)
    return parsed


def _check_value(value: Any) -> None:
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise _BadOverrideError("the keys of a mapping must be text")
        for child in value.values():
            _check_value(child)
    elif isinstance(value, list):
        for child in value:
            _check_value(child)
    elif isinstance(value, float) and not math.isfinite(value):
        raise _BadOverrideError("a number must be finite")
    elif not isinstance(value, (str, int, float, type(None))):
        raise _BadOverrideError("several values at once; put a list in brackets, such as [5,100]")


def _holds_reserved(value: Any) -> bool:
    if isinstance(value, dict):
        return any(is_reserved(str(key)) or _holds_reserved(child) for key, child in value.items())
    return isinstance(value, list) and any(_holds_reserved(child) for child in value)


def _is_choice(parsed: HydraOverride, groups: frozenset[str]) -> bool:
    return parsed.package is not None or (parsed.key_or_group in groups and not isinstance(parsed.value(), dict))


def _override(parsed: HydraOverride, text: str) -> Override:
    path = tuple(parsed.key_or_group.split("."))
    return Override(
        text, path, parsed.value(), add=parsed.is_add(), force=parsed.is_force_add(), delete=parsed.is_delete()
    )


def merged(below: Any, above: Any) -> Any:
    """`above` over `below`: mappings key by key, everything else as a whole. Neither is changed."""
    if not isinstance(below, dict) or not isinstance(above, dict):
        return copy.deepcopy(above)
    both = {key: merged(value, above[key]) if key in above else copy.deepcopy(value) for key, value in below.items()}
    return both | {key: copy.deepcopy(value) for key, value in above.items() if key not in below}


def apply_overrides(tree: dict[str, Any], overrides: Iterable[Override]) -> dict[str, Any]:
    """`tree` with each override applied in turn. A key that is nowhere yet is made; validation judges it later.

    Raises SpecError: `+` for what is there, `~` for what is not, a model that does not exist, a key below a value.
    """
    tree = copy.deepcopy(tree)
    for override in overrides:
        _check_model(tree, override)
        parent: Any = tree
        for depth, part in enumerate(override.path[:-1], start=1):
            parent = _child(parent, part, override, override.path[:depth])
        if override.delete:
            _delete(parent, override)
        else:
            _set(parent, override)
    return tree


def _check_model(tree: dict[str, Any], override: Override) -> None:
    models = tree.get("models") or {}
    if len(override.path) > 1 and override.path[0] == "models" and not (override.add or override.force):
        name = str(override.path[1])
        if name not in models:
            known = f"Models: {', '.join(sorted(models))}" if models else "This project has no models yet."
            raise _error(override, f"there is no model {name!r}{did_you_mean(name, models)}", known)


def _child(parent: Any, part: str | int, override: Override, path: KeyPath) -> Any:
    if isinstance(parent, list):
        child = parent[_index(parent, part, override)]
    elif parent.get(part) is not None:
        child = parent[part]
    elif override.delete:
        raise _error(override, f"{show_path(path)} is not there, so nothing below it can be removed")
    else:
        child = parent[part] = {}
    if not isinstance(child, (dict, list)):
        raise _error(override, f"{show_path(path)} is a value, it has no keys")
    return child


def _set(parent: Any, override: Override) -> None:
    key = override.path[-1]
    if isinstance(parent, list):
        parent[_index(parent, key, override)] = override.value
        return
    there = parent.get(key)
    if override.add and there is not None and not isinstance(override.value, dict):
        raise _error(override, f"{show_path(override.path)} is there already", f"Without the plus: {override.text[1:]}")
    parent[key] = merged(there, override.value)


def _delete(parent: Any, override: Override) -> None:
    key = override.path[-1]
    if isinstance(parent, list):
        del parent[_index(parent, key, override)]
        return
    if key not in parent:
        raise _error(override, f"{show_path(override.path)} is not there, so it cannot be removed")
    if override.value is not None and parent[key] != override.value:
        raise _error(override, f"{show_path(override.path)} is {parent[key]!r}, so it is not removed")
    del parent[key]


def _index(values: list[Any], part: str | int, override: Override) -> int:
    if not str(part).isdecimal() or int(part) >= len(values):
        raise _error(override, f"{part!r} is not an index into a list of {len(values)}")
    return int(part)


def _error(override: Override, message: str, remedy: str = "") -> SpecError:
    return spec_error([Problem(override.place, message, remedy)])
