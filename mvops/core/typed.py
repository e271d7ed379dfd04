"""Commands that people are told to type, as they are typed in the environment that one works in."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache


class Quoted(str):
    """A line of somebody's file: shown as it is."""

    __slots__ = ()


def typed_in(text: str, environment: str, commands: Collection[str]) -> str:
    """The text with `--env` in each of the `commands` that it names, but in those that have it already.

    A command of a group is named with its group, as `runs list`: `mvops runs here` is no command.
    """
    if "mvops " not in text or isinstance(text, Quoted):
        return text
    return _naming(tuple(commands)).sub(f"mvops --env {environment}", text)


@cache
def _naming(commands: tuple[str, ...]) -> re.Pattern[str]:
    """Before one of the commands; what ends a command line is what no option stands behind."""
    named = "|".join(re.escape(command) for command in sorted(commands, reverse=True))
    return re.compile(rf"(?<![\w/.-])mvops(?= (?:{named})(?![\w-])(?![^\n;`<]* --env\b))")
