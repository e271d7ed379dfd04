"""What somebody meant who wrote a name that there is not: said in the same words everywhere."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` to end a sentence with, or nothing when nothing is near."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def did_you_mean_address(word: str, known: Iterable[str]) -> str:
    """The same for an address; who typed a name alone may have meant the model."""
    return did_you_mean(word if "." in word else f"model.{word}", known)
