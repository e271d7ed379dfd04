"""The composed spec as YAML, each value with the place that it came from if asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mvops.loading.load import Explained
from mvops.loading.problems import KeyPath, show_path
from mvops.loading.write import flow
from mvops.usecases.config import Config

_COLUMN = 56  # where comments begin, if the values leave room


def config_lines(config: Config, *, explain: bool) -> Iterator[str]:
    """YAML that can be read again; the origins are its comments."""
    origins = {each.path: each for each in config.origins} if explain else {}
    yield from _lines(config.values, "", "", config.key, origins)


def config_json(config: Config, *, explain: bool) -> dict[str, Any]:
    """For programs: the values, and a list of their origins."""
    found: dict[str, Any] = {"key": show_path(config.key), "config": config.values}
    origins = [each._asdict() | {"path": show_path(each.path)} for each in config.origins]
    return found | ({"origins": origins} if explain else {})


def origin(each: Explained) -> str:
    """`configs/project.yaml:4`, `default of mvops`, or the override."""
    place = f"{each.source}:{each.line}" if each.line else each.source
    return f"{place} ({each.note})" if each.note else place


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
