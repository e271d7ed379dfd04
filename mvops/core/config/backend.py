"""Which keys of the spec name a backend, and of which family."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class Family:
    """Marks a key whose value is the name of a backend: `backend: Annotated[Name, Family("servers")]`."""

    name: str


def named_backends(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, str, str]]:
    """Where `value` or something in it names a backend: key path, family, name."""
    if isinstance(value, BaseModel):
        for key, field in type(value).model_fields.items():
            inside = getattr(value, key)
            families = [mark.name for mark in field.metadata if isinstance(mark, Family)]
            if families and isinstance(inside, str):
                yield (*path, key), families[0], inside
            else:
                yield from named_backends(inside, (*path, key))
    elif isinstance(value, dict):
        for key, inside in value.items():
            yield from named_backends(inside, (*path, key))
