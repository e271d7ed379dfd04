"""Where each value of the composed spec came from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mvops.loading.overrides import Override
from mvops.loading.problems import KeyPath, Place
from mvops.loading.strict_yaml import Document


@dataclass(frozen=True)
class Layer:
    """A file, and the key of the spec below which its values are."""

    document: Document
    mount: KeyPath

    def place(self, path: KeyPath, *, key: bool) -> Place | None:
        """Where this file says `path` of the spec, if it does."""
        if path[: len(self.mount)] != self.mount:
            return None
        return self.document.place(path[len(self.mount) :], key=key)


@dataclass(frozen=True)
class Positions:
    """Overrides in their order, and what makes the layers when somebody asks: a valid spec needs no positions."""

    overrides: tuple[Override, ...]
    ask: Callable[[], tuple[Layer, ...]]

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """From the strongest (a model's file) to the weakest (the oldest preset)."""
        return self.ask()

    def find(self, path: KeyPath, *, key: bool = False) -> Place | None:
        """The place that decides the value at `path`, or that of its key; None for a default of mvops' own.

        What a model takes from `model_defaults` is found there; a section that only an override makes, at the override.
        """
        found = next((place for alias in _aliases(path) if (place := self._find(alias, key=key))), None)
        return found or next((o.place for o in reversed(self.overrides) if o.path[: len(path)] == path), None)

    def nearest(self, path: KeyPath) -> Place | None:
        """The place of `path`, or else of the key nearest above it."""
        return next((place for end in range(len(path), 0, -1) if (place := self.find(path[:end], key=True))), None)

    def inherited(self, path: KeyPath) -> bool:
        """Is the value at `path` taken from `model_defaults`?"""
        return self._find(path, key=False) is None and any(self._find(alias, key=False) for alias in _aliases(path))

    def _find(self, path: KeyPath, *, key: bool) -> Place | None:
        for override in reversed(self.overrides):
            if _within(override, path):
                return override.place
        return next((place for layer in self.layers if (place := layer.place(path, key=key))), None)


def _aliases(path: KeyPath) -> Iterator[KeyPath]:
    yield path
    if len(path) > 2 and path[0] == "models":
        yield ("model_defaults", *path[2:])


def _within(override: Override, path: KeyPath) -> bool:
    """Does the override say what is at `path`? Indices may be written as text in an override."""
    size = len(override.path)
    if [str(part) for part in path[:size]] != [str(part) for part in override.path]:
        return False
    node: Any = override.value
    for part in path[size:]:
        if isinstance(node, dict) and part in node:
            node = node[str(part)]
        elif isinstance(node, list) and isinstance(part, int) and part < len(node):
            node = node[part]
        else:
            return False
    return True
