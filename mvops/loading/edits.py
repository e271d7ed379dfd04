"""Changing single values of a YAML file: comments, layout and everything else stay as a person wrote them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mvops.loading.problems import KeyPath
from mvops.loading.strict_yaml import parse


@dataclass(frozen=True)
class Span:
    """Where something stands in a text, as offsets of its first character and behind its last."""

    start: int
    end: int


@dataclass(frozen=True)
class Entry:
    """A value of a file: where its key is (None in a list) and where it is; `node` is how YAML reads it."""

    key: Span | None
    node: yaml.Node

    @property
    def value(self) -> Span:
        """Where the value is; of a list or section over several lines, up to what follows it."""
        return Span(self.node.start_mark.index, self.node.end_mark.index)


def entries(text: str) -> dict[KeyPath, Entry]:
    """Every value of a file that was found to be sound, by its path; what an alias repeats is not there twice."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    return dict(_entries(root, ())) if root is not None else {}


def _entries(node: yaml.Node, path: KeyPath) -> Iterator[tuple[KeyPath, Entry]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            where = Span(key.start_mark.index, key.end_mark.index)
            if value.start_mark.index >= where.end:
                yield (*path, key.value), Entry(where, value)
                yield from _entries(value, (*path, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield (*path, index), Entry(None, value)
            yield from _entries(value, (*path, index))


def replaced(text: str, changes: dict[Span, str]) -> str:
    """The text with other text in these places, none of which is in another."""
    for span, new in sorted(changes.items(), key=lambda change: change[0].start, reverse=True):
        text = text[: span.start] + new + text[span.end :]
    return text


def reads(text: str, values: dict[str, Any], file: Path) -> bool:
    """Does the text hold just these values? Raises SpecError for one that cannot be read."""
    return parse(text.encode(), file).values == values
