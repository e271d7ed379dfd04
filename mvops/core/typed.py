"""Commands that people are told to type, as they are typed where one works: in an environment, from another folder."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection
from functools import cache


class Quoted(str):
    """A line of somebody's file: shown as it is."""

    __slots__ = ()


def typed_in(text: str, environment: str | None, commands: Collection[str], directory: str = "") -> str:
    """The text with `-C` and `--env` in each of the `commands` that it names, but in those that have it already.

    A command of a group is named with its group, as `runs list`: `mvops runs here` is no command. `directory` is empty
    where people are in the project; they are, too, behind a `cd`.
    """
    if "mvops " not in text or isinstance(text, Quoted):
        return text
    named = _naming(tuple(commands))

    def typed(found: re.Match[str]) -> str:
        there = f" -C {shlex.quote(directory)}" if directory and not _GONE_THERE.search(text, 0, found.start()) else ""
        chosen = found["chosen"] or (f" --env {environment}" if environment and not found["later"] else "")
        return f"mvops{there}{chosen}"

    return named.sub(typed, text)


def signed_in(text: str) -> str:
    """The text with a plan that is saved and signed before each `mvops apply`: for where nothing else is applied.

    An apply that names its plan stays as it is.
    """
    if " apply" not in text or isinstance(text, Quoted):
        return text
    return _APPLY.sub(r"\g<mvops> plan\g<options> --out plan.json --sign KEY && \g<mvops> apply plan.json", text)


_APPLY = re.compile(
    r"(?<![\w/.-])(?P<mvops>mvops(?: --env [\w-]+)?) apply"
    r"(?P<options>(?: --(?:drift-only|(?:target|exclude|replace) [^\s`,;)]+))*)"
    r"(?=$|[`,;:)\n]|\.(?:\s|$)| \(?[a-z]+[ .,;:)])(?! [\w-]+\.\w)"  # the end of it, or prose, and no file
)
_GONE_THERE = re.compile(r"\bcd [^\n;`]*&& \Z")


@cache
def _naming(commands: tuple[str, ...]) -> re.Pattern[str]:
    """Before one of the commands; what ends a command line is what no option stands behind."""
    named = "|".join(re.escape(command) for command in sorted(commands, reverse=True))
    environment = r"(?P<chosen>(?: --env (?:\"\"|[\w-]+))?)"
    return re.compile(rf"(?<![\w/.-])mvops{environment}(?= (?:{named})(?![\w-])(?P<later>[^\n;`<]* --env\b)?)")
