"""What promotion says of a model's YAML, taken over into one that people have changed since."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mvops.core.outside import Accepted
from mvops.loading.problems import KeyPath, show_path

_ABSENT = object()


@dataclass
class MergedYaml:
    """`changes` are what is to be written, `kept` what people set and stays, `conflicts` what both changed."""

    changes: list[Accepted] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)


def merged_yaml(
    model: str, base: Mapping[str, Any], new: Mapping[str, Any], now: Mapping[str, Any], declared: Collection[str]
) -> MergedYaml:
    """`base` is what promote said last time, `new` what it says today, `now` what the YAML says.

    `declared` are the parameters that the merged notebook has. Values that people changed stay.
    """
    merged = MergedYaml()
    for section in ("parameters", "inputs"):
        was, wanted, there = (each["pipeline"].get(section, {}) for each in (base, new, now))
        path: KeyPath = ("models", model, "pipeline", section)
        found = list(_values(path, was, wanted, there, declared, merged))
        gone = [each for each in found if each.gone]
        left = there.keys() - {each.path[-1] for each in gone} | {e.path[-1] for e in found if not e.gone}
        if gone and not left:  # a section is not left empty
            found = [Accepted(path=path, gone=True)]
        merged.changes += found
    outputs = [each["pipeline"]["outputs"] for each in (base, new, now)]
    _outputs(model, outputs[0], outputs[1], outputs[2], merged)
    for key in ("task", "metrics"):
        was, wanted, there = (_plain(each["evaluate"][key]) for each in (base, new, now))
        if wanted not in (was, there) and was == there:
            merged.changes.append(Accepted(path=("models", model, "evaluate", key), value=wanted))
    return merged


def _values(
    path: KeyPath,
    base: Mapping[str, Any],
    new: Mapping[str, Any],
    now: Mapping[str, Any],
    declared: Collection[str],
    merged: MergedYaml,
) -> Iterator[Accepted]:
    for key in dict.fromkeys([*new, *base]):
        was, wanted, there = (each.get(key, _ABSENT) for each in (base, new, now))
        where = show_path((*path, key))
        if _same(wanted, was) or _same(wanted, there):
            continue
        if wanted is _ABSENT:
            if there is _ABSENT or key in declared:
                continue
            if _same(there, was):
                yield Accepted(path=(*path, key), gone=True)
            else:
                merged.conflicts.append(
                    f"{where} is {there!r} in the YAML, and the notebook has no {key} any more: take it out"
                )
        elif there is _ABSENT and was is not _ABSENT:
            merged.kept.append(f"{where} was taken out, and stays so; the notebook says {wanted!r}")
        elif there is _ABSENT or _same(there, was):
            yield Accepted(path=(*path, key), value=wanted)
        else:
            merged.kept.append(f"{where} stays {there!r}; the notebook says {wanted!r} now")


def _outputs(
    model: str, base: Mapping[str, Any], new: Mapping[str, Any], now: Mapping[str, Any], merged: MergedYaml
) -> None:
    for key in dict.fromkeys([*new, *base]):
        was, wanted, there = (each.get(key, _ABSENT) for each in (base, new, now))
        path: KeyPath = ("models", model, "pipeline", "outputs", key)
        if _same(wanted, was) or _same(wanted, there):
            continue
        if not _same(there, was):
            merged.kept.append(f"{show_path(path)} stays {_told(there)}; promote would say {_told(wanted)} now")
        elif wanted is not _ABSENT:
            merged.changes.append(Accepted(path=path, value=wanted))
        elif key in {"model", "features", "target"}:
            merged.conflicts.append(f"{show_path(path)}: none was found in the notebook any more; name one")
        else:
            merged.changes.append(Accepted(path=path, gone=True))


def _told(value: Any) -> str:
    return "nothing" if value is _ABSENT else str(value)


def _same(one: Any, other: Any) -> bool:
    return one is other or (type(one) is type(other) and bool(one == other))


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
