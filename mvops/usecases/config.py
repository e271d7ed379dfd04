"""The spec as mvops reads it: composed from all files, validated, with the place that each value came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mvops.core.config.secrets import hushed
from mvops.core.nearest import did_you_mean
from mvops.errors import UsageError
from mvops.loading.find import find_project
from mvops.loading.load import Explained, explain
from mvops.loading.problems import KeyPath, show_path


@dataclass(frozen=True)
class Config:
    """`values` is what stands at `key` (for an empty one, the whole spec), `origins` where each value in it is from."""

    key: KeyPath
    values: Any
    origins: tuple[Explained, ...]


def config(start: Path, key: str = "", overrides: Sequence[str] = (), environment: str | None = None) -> Config:
    """What the spec says at `key`, such as `models.churn.monitor`; passwords in URLs are not shown.

    Opens no registry and resolves no secret. Raises UsageError outside of a project and for a key that is not there,
    SpecError for a mistake in the YAML.
    """
    explained = explain(find_project(start), overrides, environment)
    found = [each._replace(value=masked(each.value), source=hushed(each.source)) for each in explained]
    inside = [each for each in found if not key or f"{show_path(each.path)}.".startswith((f"{key}.", f"{key}["))]
    if not inside:
        raise _unknown(key, [each.path for each in found])
    depth = next((end for end in range(len(inside[0].path) + 1) if show_path(inside[0].path[:end]) == key), 0)
    values = _tree([(each.path[depth:], each.value) for each in inside])
    return Config(inside[0].path[:depth], values, tuple(inside))


@dataclass(frozen=True)
class Difference:
    """A key that two environments say differently: what each says, None for the one that has no such key."""

    key: KeyPath
    one: Explained | None
    other: Explained | None


def differences(start: Path, one: str | None, other: str | None) -> list[Difference]:
    """In what two environments differ, None for the project without one.

    Judged by what is written: a reference that comes to something else in each is the same, and so is what mvops itself
    makes an environment's own. Raises as `config`.
    """
    root = find_project(start)
    here, there = ({each.path: each for each in explain(root, (), name)} for name in (one, other))
    found = [Difference(path, here.get(path), there.get(path)) for path in dict.fromkeys((*here, *there))]
    return [each for each in found if each.key != ("environment",) and _differ(each.one, each.other)]


def _differ(one: Explained | None, other: Explained | None) -> bool:
    if one is None or other is None:
        return True
    if one.written == other.written:
        return False
    refers = any("${" in str(each.written) for each in (one, other))
    return refers or one.value != other.value or bool(one.note) != bool(other.note)


def masked(value: Any) -> Any:
    """The same without passwords in URLs."""
    if isinstance(value, list):
        return [masked(each) for each in value]
    return hushed(value) if isinstance(value, str) else value


def _tree(leaves: Sequence[tuple[KeyPath, Any]]) -> Any:
    """The section or list that the leaves are parts of; a leaf itself where there is nothing below."""
    if not leaves[0][0]:
        return leaves[0][1]
    parts: dict[str | int, list[tuple[KeyPath, Any]]] = {}
    for path, value in leaves:
        parts.setdefault(path[0], []).append((path[1:], value))
    section = {name: _tree(inside) for name, inside in parts.items()}
    return list(section.values()) if isinstance(leaves[0][0][0], int) else section


def _unknown(key: str, paths: Sequence[KeyPath]) -> UsageError:
    """An error that names the nearest key, and the keys that are where this one was looked for."""
    known = {path[:end] for path in paths for end in range(1, len(path) + 1)}
    shown = {show_path(path) for path in known}
    parent = key.rpartition(".")[0]
    while parent and parent not in shown:
        parent = parent.rpartition(".")[0]
    here = dict.fromkeys(str(path[-1]) for path in sorted(known, key=str) if show_path(path[:-1]) == parent)
    return UsageError(
        f"the spec has no key {key!r}{did_you_mean(key, shown)}",
        hint=f"Keys{f' in {parent}' if parent else ''}: {', '.join(here)}" if here else None,
    )
