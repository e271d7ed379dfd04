"""The composed spec as YAML, each value with the place that it came from if asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mvops.core.action import NOT_SET
from mvops.loading.load import Explained
from mvops.loading.problems import KeyPath, show_path
from mvops.loading.write import flow
from mvops.usecases.config import Config, Difference, masked

_COLUMN = 56  # where comments begin, if the values leave room


def config_lines(config: Config, *, explain: bool) -> Iterator[str]:
    """YAML that can be read again; the origins are its comments."""
    origins = {each.path: each for each in config.origins} if explain else {}
    yield from _lines(config.values, "", "", config.key, origins)


def config_json(config: Config, *, explain: bool) -> dict[str, Any]:
    """For programs: the values, and a list of their origins."""
    found: dict[str, Any] = {"key": show_path(config.key), "config": config.values}
    return found | ({"origins": [_origin_json(each) for each in config.origins]} if explain else {})


def _origin_json(each: Explained) -> dict[str, Any]:
    said = {"path": show_path(each.path), "value": each.value, "source": each.source, "line": each.line}
    return said | {"note": each.note}


def origin(each: Explained) -> str:
    """`configs/project.yaml:4`, `default of mvops`, or the override."""
    place = f"{each.source}:{each.line}" if each.line else each.source
    return f"{place} ({each.note})" if each.note else place


def difference_lines(found: Sequence[Difference], names: tuple[str, str]) -> Iterator[str]:
    """A line for each key, old and new, with the place of the new."""
    for each in found:
        sides = [_said(side) for side in (each.one, each.other)]
        told = each.other or each.one
        text = f"~ {show_path(each.key)}: {sides[0]} -> {sides[1]}"
        yield text if told is None else f"{text:<{_COLUMN}}  # {origin(told)}"
    count = len(found)
    yield (
        f"{count} difference{'' if count == 1 else 's'} from {names[0]} to {names[1]}"
        if count
        else (f"{names[0]} and {names[1]} are the same")
    )


def difference_json(found: Sequence[Difference]) -> list[dict[str, Any]]:
    """For programs: what is written on each side, and where."""
    return [
        {
            "key": show_path(each.key),
            **{
                side: None if said is None else {"written": _written(said), "source": said.source, "line": said.line}
                for side, said in (("from", each.one), ("to", each.other))
            },
        }
        for each in found
    ]


def _said(each: Explained | None) -> str:
    return NOT_SET if each is None else flow(_written(each))


def _written(each: Explained) -> Any:
    return masked(each.value if each.written is None else each.written)


def _lines(value: Any, indent: str, head: str, path: KeyPath, origins: Mapping[KeyPath, Explained]) -> Iterator[str]:
    """`head` is what stands before the value: its key, or the dash of a list."""
    deep = isinstance(value, list) and any(isinstance(child, (dict, list)) for child in value)
    if not value or not (isinstance(value, dict) or deep):
        text = f"{indent}{head}{' ' if head else ''}{flow(value)}"
        each = origins.get(path)
        yield text if each is None else f"{text:<{_COLUMN}}  # {origin(each)}"
        return
    inner = f"{indent}  " if head else indent
    if head:
        yield f"{indent}{head}"
    for name, child in enumerate(value) if deep else value.items():
        yield from _lines(child, inner, "-" if deep else f"{flow(name)}:", (*path, name), origins)
