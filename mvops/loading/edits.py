"""Changing single values of a YAML file: comments, layout and everything else stay as a person wrote them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mvops.loading.problems import KeyPath
from mvops.loading.strict_yaml import parse
from mvops.loading.write import flow


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


def with_value(text: str, path: KeyPath, value: Any) -> str | None:
    """The text with `value` at `path`, which is added where it is not there; None where that cannot be done."""
    known = entries(text)
    if path in known:
        node = known[path].node
        return replaced(text, {Span(node.start_mark.index, _end(node, text)): flow(value)})
    size = next((size for size in range(len(path) - 1, 0, -1) if path[:size] in known), 0)
    inside = known[path[:size]].node if size else yaml.compose(text, Loader=yaml.SafeLoader)
    for part in reversed(path[size + 1 :]):
        value = {str(part): value}
    line = f"{flow(path[size])}: {flow(value)}"
    if inside is None:
        return f"{text.rstrip()}\n{line}\n".lstrip("\n")
    return _added(text, inside, line) if isinstance(inside, yaml.MappingNode) else None


def without(text: str, path: KeyPath) -> str | None:
    """The text without the key at `path`; None where it is not there, or nothing would be left of its section."""
    known = entries(text)
    found, above = known.get(path), known.get(path[:-1])
    node = above.node if above else yaml.compose(text, Loader=yaml.SafeLoader)
    if found is None or found.key is None or not isinstance(node, yaml.MappingNode) or len(node.value) < 2:
        return None
    start, end = found.key.start, _end(found.node, text)
    if not node.flow_style:
        line_end = text.find("\n", end)
        return text[: text.rfind("\n", 0, start) + 1] + ("" if line_end < 0 else text[line_end + 1 :])
    after = re.match(r"\s*,\s*", text[end:])
    if after:
        return text[:start] + text[end + after.end() :]
    before = re.search(r"\s*,\s*$", text[:start])
    return None if before is None else text[: before.start()] + text[end:]


def _added(text: str, section: yaml.MappingNode, line: str) -> str:
    """One entry more at the end of a section, on a line of its own or in the same braces."""
    if not section.value:
        return text[: section.start_mark.index] + f"{{{line}}}" + text[section.end_mark.index :]
    first, last = section.value[0][0], section.value[-1][1]
    end = _end(last, text)
    if section.flow_style:
        return f"{text[:end]}, {line}{text[end:]}"
    line_end = text.find("\n", end)
    end = len(text) if line_end < 0 else line_end
    return f"{text[:end]}\n{' ' * first.start_mark.column}{line}{text[end:] or chr(10)}"


def _end(node: yaml.Node, text: str) -> int:
    """Behind the last character of a value; blank lines and comments after it are not its own."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last, text)
    start, end = node.start_mark.index, node.end_mark.index
    return start + len(text[start:end].rstrip())
