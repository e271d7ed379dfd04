"""Strict JSON: UTF-8 only, every number finite, no key twice, not too deep, one document."""

from __future__ import annotations

import json
import re
from itertools import chain
from typing import Any

import orjson

from mvops.serving.problems import Problem

_MAX_DEPTH = 32
_CONSTANT = re.compile(rb"[+-]?(NaN|Infinity)")


def decode(body: bytes) -> Any:
    """The value of a request's body. Raises Problem: 400 for what is not JSON, 422 for a number that is not finite."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _refusal(body, error) from None
    if body.count(b"[") + body.count(b"{") > _MAX_DEPTH and _deeper(value, _MAX_DEPTH):
        raise Problem(400, f"the document is nested more than {_MAX_DEPTH} levels deep")
    # Each key has its colon: as many colons as keys means that no key was given twice. A colon in a text makes
    # us look again, more slowly.
    if body.count(b":") != _keys(value):
        _check_keys(body)
    return value


def _refusal(body: bytes, error: orjson.JSONDecodeError) -> Problem:
    if "infinity" in error.msg or _CONSTANT.match(body, max(0, error.pos - 1)) or _CONSTANT.match(body, error.pos):
        return Problem(422, f"a number is not finite, at character {error.pos}")
    return Problem(400, f"the body is not JSON in UTF-8: line {error.lineno}, column {error.colno}")


def _deeper(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        children = [parent.values() if type(parent) is dict else parent for parent in level]
        if {dict, list}.isdisjoint(map(type, chain.from_iterable(children))):  # a thousand rows at the speed of C
            return False
        level = [child for child in chain.from_iterable(children) if type(child) in {dict, list}]
    return True


def _keys(value: Any) -> int:
    """How many keys a document of the expected shape has: an object with lists of objects of scalars."""
    if type(value) is not dict:
        return -1
    lists = [item for item in value.values() if type(item) is list]
    return len(value) + sum(len(row) for rows in lists for row in rows if type(row) is dict)


def _check_keys(body: bytes) -> None:
    try:
        json.loads(body, object_pairs_hook=_unique, parse_int=float)
    except RecursionError:
        raise Problem(400, "the document is nested too deep") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Problem(400, "an object has the same key twice")
    return found
