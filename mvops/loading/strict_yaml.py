"""YAML as mvops reads it: the values of YAML 1.2, each with its place, and nothing that can do harm.

Only `true` and `false` are booleans, so `on: [drift]` has the key `on`. Tags, duplicate keys, a second document,
merge keys, byte order marks, control characters and numbers that are not finite are refused; size, depth, number of
values and what aliases expand to are bounded. PyYAML is used for its events only: it never makes an object here.
"""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from mvops.errors import SpecError
from mvops.loading.problems import KeyPath, Place, Problem, spec_error

MAX_BYTES = 1 << 20
MAX_VALUES = 20_000
MAX_DEPTH = 32

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


@dataclass(frozen=True)
class Document:
    """A file's values; `keys` and `spots` tell where each key and each value starts (1-based line and column)."""

    file: Path
    values: dict[str, Any]
    lines: tuple[str, ...]
    keys: dict[KeyPath, tuple[int, int]]
    spots: dict[KeyPath, tuple[int, int]]

    def place(self, path: KeyPath, *, key: bool = False) -> Place | None:
        """Where the value at `path` is (its key, when asked); None when this file does not say it."""
        spot = (self.keys.get(path) if key else None) or self.spots.get(path)
        if spot is None:
            return None
        line, column = spot
        return Place(self.file, line, column, self.lines[line - 1] if line <= len(self.lines) else "")


class BadYamlError(SpecError):
    """A file that is not read; `problem` is the same as data."""

    def __init__(self, problem: Problem) -> None:
        told = spec_error([problem])
        super().__init__(told.message, hint=told.hint, where=told.where)
        self.problem = problem


def parse(data: bytes, file: Path) -> Document:
    """Read one document whose root is a mapping (an empty file is an empty mapping); raise BadYamlError with the place.

    `file` is only shown in messages.
    """
    text = _decode(data, file)
    lines = tuple(re.split("\r\n|[\r\n\x85\u2028\u2029]", text))
    return _Reader(file, lines).read(text)


def scalar(text: str) -> Any:
    """What a plain (unquoted) scalar means in YAML 1.2; raise ValueError for a number that cannot be kept."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        number = int(text, _base(text)) if len(text) <= 64 else 1 << 64
        if not -(1 << 63) <= number < 1 << 63:
            raise ValueError("a whole number has at most 64 bits; write it in quotes if it is text")
        return number
    if _FLOAT.fullmatch(text):
        value = float(text.replace(".inf", "inf").replace(".nan", "nan") if text[-1].isalpha() else text)
        if not math.isfinite(value):
            raise ValueError(f"{text[:40]} is not a finite number; write it in quotes if it is text")
        return value
    return text


def _base(text: str) -> int:
    return {"0o": 8, "0x": 16}.get(text[:2], 10)


def _decode(data: bytes, file: Path) -> str:
    if len(data) > MAX_BYTES:
        raise _refusal(file, (1, 1), (), f"the file is larger than {MAX_BYTES >> 20} MiB")
    if data.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise _refusal(file, (1, 1), (), "the file starts with a byte order mark; save it as UTF-8 without")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _refusal(file, (line, 1), (), "the file is not UTF-8") from None
    found = _FORBIDDEN.search(text)
    if found:
        line, start = text.count("\n", 0, found.start()) + 1, text.rfind("\n", 0, found.start())
        message = f"the character U+{ord(found[0]):04X} may not stand in YAML"
        raise _refusal(file, (line, found.start() - start), (), message)
    return text


def _refusal(file: Path, spot: tuple[int, int], lines: tuple[str, ...], message: str) -> BadYamlError:
    line, column = spot
    text = lines[line - 1] if 0 < line <= len(lines) else ""
    return BadYamlError(Problem(Place(file, line, column, text), message, unreadable=True))


@dataclass
class _Anchored:
    value: Any
    size: int
    height: int


@dataclass
class _Reader:
    """Builds values from PyYAML's events, so that every bound holds before anything grows."""

    file: Path
    lines: tuple[str, ...]
    keys: dict[KeyPath, tuple[int, int]] = field(default_factory=dict)
    spots: dict[KeyPath, tuple[int, int]] = field(default_factory=dict)
    anchors: dict[str, _Anchored] = field(default_factory=dict)
    brackets: list[tuple[int, int]] = field(default_factory=list)  # that are open
    count: int = 0
    deepest: int = 0

    def read(self, text: str) -> Document:
        try:
            values = self._document(yaml.parse(text, Loader=_LOADER))
        except yaml.MarkedYAMLError as error:
            raise self._refusal(*self._syntax(error)) from None
        except (yaml.YAMLError, ValueError) as error:
            raise self._refusal((1, 1), f"not YAML: {error}") from None
        return Document(self.file, values, self.lines, self.keys, self.spots)

    def _syntax(self, error: yaml.MarkedYAMLError) -> tuple[tuple[int, int], str]:
        """Where and what; brackets and quotes that are never closed are at fault where they are opened."""
        told = "not YAML: " + " ".join(part for part in (error.context, error.problem) if part)
        found, around = _at(error.problem_mark), _at(error.context_mark)
        if found and "".join(self.lines[found[0] - 1 : found[0]])[found[1] - 1 : found[1]] == "\t":
            return found, "not YAML: a tab stands here; write spaces in its place"
        opened = None
        if str(error.context).startswith("while parsing a flow ") and self.brackets:
            opened = self.brackets[-1]
        elif error.context == "while scanning a quoted scalar":
            opened = around
        if opened is None:
            return found or around or (1, 1), told
        missed = f" up to line {found[0]}" if found and found[0] != opened[0] else ""
        return opened, f"{told}{missed}"

    def _document(self, events: Iterator[Any]) -> dict[str, Any]:
        self.spots[()] = (1, 1)
        next(events)  # the stream's start
        if isinstance(next(events), yaml.StreamEndEvent):
            return {}
        first = next(events)
        value = self._value(events, first, (), 1)
        next(events)  # the document's end
        after = next(events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise self._refusal(_spot(after), "a second document starts here; a file holds one")
        if not isinstance(value, dict) and value is not None:
            raise self._refusal(_spot(first), "the file must hold a mapping: lines of `key: value`")
        self.spots[()] = (1, 1) if value is None else _spot(first)
        return value or {}

    def _value(self, events: Iterator[Any], event: Any, path: KeyPath, depth: int) -> Any:
        self.count += 1
        self.deepest = max(self.deepest, depth)
        self.spots[path] = spot = _spot(event)
        self._check_bounds(spot)
        if isinstance(event, yaml.AliasEvent):
            return self._aliased(event, depth)
        if event.tag is not None:
            raise self._refusal(spot, f"tags such as {event.tag[:60]!r} are not read")
        before, deepest, self.deepest = self.count, self.deepest, depth
        brackets = [spot] if getattr(event, "flow_style", False) else []
        self.brackets += brackets
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._sequence(events, path, depth)
        else:
            value = self._mapping(events, path, depth)
        del self.brackets[len(self.brackets) - len(brackets) :]
        if event.anchor is not None:
            self.anchors[event.anchor] = _Anchored(value, self.count - before + 1, self.deepest - depth)
        self.deepest = max(self.deepest, deepest)
        return value

    def _check_bounds(self, spot: tuple[int, int]) -> None:
        if self.count > MAX_VALUES:
            raise self._refusal(spot, f"more than {MAX_VALUES} values in one file (aliases count each time)")
        if self.deepest > MAX_DEPTH:
            raise self._refusal(spot, f"nested deeper than {MAX_DEPTH} levels")

    def _aliased(self, event: Any, depth: int) -> Any:
        anchored = self.anchors.get(event.anchor)
        if anchored is None:
            raise self._refusal(_spot(event), f"the alias *{event.anchor} names nothing above it, or itself")
        self.count += anchored.size
        self.deepest = max(self.deepest, depth + anchored.height)
        self._check_bounds(_spot(event))
        return copy.deepcopy(anchored.value)

    def _scalar(self, event: Any) -> Any:
        hidden = _FORBIDDEN.search(event.value)  # an escape such as "\0" gets past the check of the text
        if hidden:
            raise self._refusal(_spot(event), f"the character U+{ord(hidden[0]):04X} may not stand in YAML")
        if not event.implicit[0]:
            return event.value
        try:
            return scalar(event.value)
        except ValueError as error:
            raise self._refusal(_spot(event), str(error)) from None

    def _sequence(self, events: Iterator[Any], path: KeyPath, depth: int) -> list[Any]:
        values: list[Any] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            values.append(self._value(events, event, (*path, len(values)), depth + 1))
        return values

    def _mapping(self, events: Iterator[Any], path: KeyPath, depth: int) -> dict[str, Any]:
        values: dict[str, Any] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            key = self._key(event)
            here = (*path, key)
            if key in values:
                first = self.keys[here][0]
                raise self._refusal(_spot(event), f"the key {key!r} is here twice; the first is in line {first}")
            self.keys[here] = _spot(event)
            values[key] = self._value(events, next(events), here, depth + 1)
        return values

    def _key(self, event: Any) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            raise self._refusal(_spot(event), "a key must be text")
        if event.tag is not None or event.anchor is not None:
            raise self._refusal(_spot(event), "a key takes no tag and no anchor")
        key = self._scalar(event)
        if not isinstance(key, str):
            raise self._refusal(_spot(event), f"a key must be text: write '{event.value[:60]}' in quotes")
        if key == "<<":
            raise self._refusal(_spot(event), "merge keys (<<) are not read; what models share goes to model_defaults")
        return key

    def _refusal(self, spot: tuple[int, int], message: str) -> BadYamlError:
        return _refusal(self.file, spot, self.lines, message)


def _at(mark: yaml.Mark | None) -> tuple[int, int] | None:
    return None if mark is None else (mark.line + 1, mark.column + 1)


def _spot(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1
