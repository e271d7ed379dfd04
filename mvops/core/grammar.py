"""What a name looks like; needs nothing but the standard library."""

from __future__ import annotations

import keyword
import re

_GRAMMAR = re.compile(r"[a-z][a-z0-9_]{0,62}")


def check_name(name: str) -> str:
    """Return `name` if it may be used everywhere; raise ValueError that says what a name looks like."""
    if not _GRAMMAR.fullmatch(name) or keyword.iskeyword(name):
        raise ValueError(
            f"{name!r} is not a name: a lower-case letter, then letters, digits and _, at most 63, no Python keyword"
        )
    return name


def suggest_name(text: str) -> str:
    """The nearest legal name to `text`, such as a notebook's file name."""
    folded = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:63].rstrip("_")
    named = folded if folded[:1].isalpha() else f"model_{folded}".rstrip("_")[:63]
    return f"{named}_model" if keyword.iskeyword(named) else named
