"""References inside the YAML: `${project}`, `${..port}`. Plain keys only; no resolver of OmegaConf's is ever called.

`${a.b}` starts at the top of the spec; each leading dot goes up from the key that holds the reference: `${.b}` is its
sibling, `${..b}` its parent's sibling.
"""

from __future__ import annotations

import re
from typing import Any

from mvops.loading.problems import KeyPath, show_path, show_value

_PLAIN = re.compile(r"\$\{(?P<dots>\.*)(?P<path>\w[\w-]*(?:\.[\w-]+|\[\d+\])*)\}")
_LONGEST_CHAIN = 16
_MOST_VALUES = 20_000  # made by references
_MOST_CHARACTERS = 1 << 20
_MOST_WRONG = 6  # references that are told of at a time; no further one is followed then


class BadReferenceError(ValueError):
    """A reference that is not resolved: the key that holds it, and the reason."""

    def __init__(self, path: KeyPath, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message
        self.all: tuple[BadReferenceError, ...] = (self,)


class _TooMuchError(BadReferenceError):
    """Nothing is looked at any more."""


def refused(text: str) -> str | None:
    """Why the references in `text` are not acceptable; None when they are, or when there are none."""
    found = list(_PLAIN.finditer(text))
    if len(found) != text.count("${"):
        return "only plain references such as ${project} or ${..port} are read: no resolvers, nothing nested"
    if any(not match["dots"] and re.split(r"[.\[]", match["path"])[0] == "hydra" for match in found):
        return "Hydra's own settings cannot be read"
    return None


def resolve(tree: dict[str, Any]) -> dict[str, Any]:
    """A copy of `tree` with every reference replaced.

    Raises BadReferenceError for a circle, a dead end, or too much: the first one, with the next few in `all`.
    """
    resolver = _Resolver(tree)
    resolved: dict[str, Any] = {}
    try:
        resolved = resolver.value(tree, (), ())
    except RecursionError:
        raise BadReferenceError((), "the references are nested too deeply") from None
    except _EnoughError:
        pass
    if resolver.wrong:
        first = resolver.wrong[0]
        first.all = tuple(resolver.wrong)
        raise first
    return resolved


class _EnoughError(Exception):
    """So many references are wrong that the others need not be looked at."""


class _Resolver:
    def __init__(self, tree: dict[str, Any]) -> None:
        self.tree = tree
        self.values = 0
        self.wrong: list[BadReferenceError] = []
        self.characters = 0
        self.texts: dict[KeyPath, str] = {}  # resolved before: a text is followed once, however often it is named

    def value(self, value: Any, path: KeyPath, chain: tuple[KeyPath, ...]) -> Any:
        """`chain`: the places that refer to this one, outermost first."""
        if chain:
            self._count(value, path)
        if isinstance(value, dict):
            return {key: self.value(child, (*path, key), chain) for key, child in value.items()}
        if isinstance(value, list):
            return [self.value(child, (*path, index), chain) for index, child in enumerate(value)]
        if isinstance(value, str) and "${" in value:
            return self._text(value, path, chain) if chain else self._noted(value, path)
        return value

    def _noted(self, text: str, path: KeyPath) -> Any:
        """As `_text`, but that a reference that is wrong is noted, and the next ones are looked at."""
        try:
            return self._text(text, path, ())
        except _TooMuchError:
            raise
        except BadReferenceError as error:
            self.wrong.append(error)
            if len(self.wrong) == _MOST_WRONG:
                raise _EnoughError from None
            return text

    def _text(self, text: str, path: KeyPath, chain: tuple[KeyPath, ...]) -> Any:
        reason = refused(text)
        if reason:
            raise BadReferenceError(path, reason)
        whole = _PLAIN.fullmatch(text)
        if whole:
            return self._reference(whole, path, chain)
        pieces, end = [], 0
        for match in _PLAIN.finditer(text):
            found = self._reference(match, path, chain)
            if not isinstance(found, (str, int, float)) or isinstance(found, bool):
                raise BadReferenceError(path, f"{match[0]} is {show_value(found)}, which cannot stand inside a text")
            pieces += [text[end : match.start()], str(found)]
            end = match.end()
        joined = "".join([*pieces, text[end:]])
        self._count(joined, path)
        return joined

    def _reference(self, match: re.Match[str], path: KeyPath, chain: tuple[KeyPath, ...]) -> Any:
        up = len(match["dots"])
        if up > len(path):
            raise BadReferenceError(path, f"{match[0]} goes up beyond the top of the spec")
        base = path[: len(path) - up] if up else ()
        target: KeyPath = (*base, *(part for part in re.split(r"[.\[\]]+", match["path"]) if part))
        if target in chain or target == path:
            raise BadReferenceError(path, f"{match[0]} refers to itself in a circle")
        if len(chain) >= _LONGEST_CHAIN:
            raise BadReferenceError(path, f"{match[0]} is in a chain of more than {_LONGEST_CHAIN} references")
        return self._follow(target, path, match[0], (*chain, target))

    def _follow(self, target: KeyPath, path: KeyPath, reference: str, chain: tuple[KeyPath, ...]) -> Any:
        if target in self.texts:
            return self.texts[target]
        node: Any = self.tree
        for depth, part in enumerate(target):
            if isinstance(node, str) and "${" in node:
                node = self.value(node, target[:depth], chain)
            if isinstance(node, dict) and part in node:
                node = node[str(part)]
            elif isinstance(node, list) and str(part).isdecimal() and int(part) < len(node):
                node = node[int(part)]
            else:
                gone = show_path(target[: depth + 1])
                raise BadReferenceError(path, f"{reference} names nothing: there is no {gone}")
        found = self.value(node, target, chain)
        if isinstance(node, str) and not _PLAIN.fullmatch(node):  # a chain of whole references keeps its length
            self.texts[target] = found
        return found

    def _count(self, value: Any, path: KeyPath) -> None:
        self.values += 1
        self.characters += len(value) if isinstance(value, str) else 0
        if self.values > _MOST_VALUES or self.characters > _MOST_CHARACTERS:
            raise _TooMuchError(path, "the spec grows too large once its references are resolved")
